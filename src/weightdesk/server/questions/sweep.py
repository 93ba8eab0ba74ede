"""The loss as a function of one weight."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Index, Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Bytes, Doubles, Message


class Swept(Message):
    """Losses along a weight, with errors; 0 where they are exact.

    `present` is the value, its loss, the slope there and the slope's error; `lowest` value, loss and error.
    """

    values: Doubles
    losses: Doubles
    errors: Doubles
    exact: Bytes
    present: Doubles
    lowest: Doubles
    notes: tuple[str, ...]


class SweepQuestion(Question[Swept]):
    """What would the loss be for other values of this weight, after these turns?"""

    kind: ClassVar[str] = "sweep"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    parameter: str
    index: Index
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Swept:
        """Sweep it on the desk."""
        with session.desk(self.step, self.turns) as desk:
            found = desk.sweep(self.parameter, self.index)
        order = found.values.argsort()
        lowest = found.lowest
        return Swept(
            values=found.values[order],
            losses=found.losses[order],
            errors=found.error[order],
            exact=found.exact[order],
            present=[found.value, found.loss, found.slope, found.slope_error],
            lowest=[] if lowest is None else [lowest.value, lowest.loss, lowest.error],
            notes=found.notes,
        )
