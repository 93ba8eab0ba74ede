"""The examples that the network is judged by, as it is given them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Floats, Message


class Examples(Message):
    """Some examples: `inputs` with the examples on axis 0, `targets` likewise, empty where there are none.

    `total` is how many there are in all.
    """

    inputs: Floats
    targets: Doubles
    total: int


class ExamplesQuestion(Question[Examples]):
    """What are these examples?"""

    kind: ClassVar[str] = "examples"

    start: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1, le=256)] = 64

    def answer(self, session: Session) -> Examples:
        """Take them out of the probe set."""
        subject, rows = session.subject, slice(self.start, self.start + self.count)
        targets = [] if subject.targets is None else subject.targets[rows]
        return Examples(inputs=subject.inputs[rows], targets=targets, total=len(subject.inputs))
