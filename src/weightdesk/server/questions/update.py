"""Why one weight moved in one step."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.errors import StepNotKeptError
from weightdesk.runs import Run
from weightdesk.server.questions.question import Index, Question, Step
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message


class Update(Message):
    """Parts that add up to the move: `moved` is weight before, after, the move and the remainder."""

    step: int
    optimizer: str
    moved: Doubles
    remainder_ulps: float
    names: tuple[str, ...]
    formulas: tuple[str, ...]
    numbers: tuple[str, ...]
    values: Doubles
    notes: tuple[str, ...]


class UpdateQuestion(Question[Update]):
    """Why did this weight move, in the last step up to this one of which that is known?"""

    kind: ClassVar[str] = "update"
    settled: ClassVar[bool] = False

    parameter: str
    index: Index
    step: Step

    def answer(self, session: Session) -> Update:
        """Split the recorded move."""
        step = kept_gradient(session.run, self.parameter, self.step)
        found = session.run.explain_update(self.parameter, self.index, step)
        return Update(
            step=step,
            optimizer=found.optimizer,
            moved=[found.before, found.after, found.move, found.remainder],
            remainder_ulps=found.remainder_ulps,
            names=tuple(each.name for each in found.parts),
            formulas=tuple(each.formula for each in found.parts),
            numbers=tuple(each.numbers for each in found.parts),
            values=[each.value for each in found.parts],
            notes=found.notes,
        )


def kept_gradient(run: Run, parameter: str, step: int) -> int:
    """The last step up to this one that keeps what moved a parameter, or the first of all.

    Raises:
        StepNotKeptError: the run keeps no gradients.
    """
    kept = run.gradient_steps_of(parameter)
    if not kept:
        raise StepNotKeptError(f"{run.path} keeps no gradients yet; they come with the snapshots")
    return max((each for each in kept if each <= step), default=kept[0])
