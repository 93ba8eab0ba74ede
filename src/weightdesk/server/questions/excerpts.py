"""The texts that excite units, with the words that they see there."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from weightdesk.capture.text.excerpts import Excerpt, excerpts
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

COUNT: Final = 5


class ExcitingText(Message):
    """A text, taken apart at the words that are `seen`."""

    example: int
    before: str
    seen: str
    after: str


class Excerpts(Message):
    """Texts of some units, for each unit as many: those that excite it most first, then the weakest.

    `activations` has a row for each unit.
    """

    texts: tuple[tuple[ExcitingText, ...], ...]
    activations: Doubles


class ExcerptsQuestion(Question[Excerpts]):
    """Which texts excite these units of a layer most, and which least?"""

    kind: ClassVar[str] = "excerpts"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    layer: str
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1, le=512)] = 32
    each: Annotated[int, Field(ge=1, le=COUNT)] = COUNT
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Excerpts:
        """Go through all texts once for all units of the layer."""
        case = session.case(self.step, self.turns).about(layer_name=self.layer)
        key = (self.layer, self.step, self.turns)
        found = session.kept(
            "excerpts", key, lambda: excerpts(case.specimen, case.layer, COUNT, progress=case.progress)
        )
        units = range(found.layer.units)[self.first : self.first + self.count]
        ranks = range(min(self.each, found.most.examples.shape[1]))
        rows = [
            [found.excerpt(unit, rank, least=least) for least in (False, True) for rank in ranks]
            for unit in units
        ]
        return Excerpts(
            texts=tuple(tuple(map(_text, row)) for row in rows),
            activations=[[each.activation for each in row] for row in rows],
        )


def _text(found: Excerpt) -> ExcitingText:
    return ExcitingText(example=found.example, before=found.before, seen=found.seen, after=found.after)
