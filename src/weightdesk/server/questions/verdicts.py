"""Which examples the network gets wrong."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Integers, Message


class Verdicts(Message):
    """The numbers of the examples that are given another class than their target's, in ascending order."""

    wrong: Integers
    examples: int


class VerdictsQuestion(Question[Verdicts]):
    """Which examples does the network get wrong after these turns?"""

    kind: ClassVar[str] = "verdicts"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Verdicts:
        """Run all of the probe set."""
        with session.desk(self.step, self.turns) as desk:
            outcome = desk.outcome
            wrong = outcome.wrong
        if wrong is None:
            raise OptionError("right and wrong are known where targets are classes")
        return Verdicts(wrong=wrong, examples=outcome.count)
