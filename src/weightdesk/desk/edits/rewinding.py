"""Rewinding: weights as they were earlier in the training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from weightdesk.desk.edits.copying import Copying
from weightdesk.desk.edits.edit import settle, whole
from weightdesk.desk.edits.sources import Source, open_source


@dataclass(frozen=True)
class Rewinding(Copying):
    """Every weight of the place gets the value of a snapshot of the run that trained it.

    Attributes:
        run: its folder or address.
        step: of the snapshot; a negative one counts from the last, and is settled when the edit is bound.

    >>> from weightdesk.desk.places import Place
    >>> Rewinding(Place.parse("conv1[5]"), "runs/mine", 128).describe()
    'conv1[5] rewound to step 128'
    """

    run: str
    step: int

    kind: ClassVar[str] = "rewind"

    def __post_init__(self) -> None:
        settle(self, run=str(self.run), step=whole(self.step, "the step"))

    def source(self) -> Source:
        return open_source(self.run, self.step)

    def settled(self, source: Source) -> Self:
        return self if source.step is None else replace(self, step=source.step)

    def describe(self) -> str:
        return f"{self.place} rewound to step {self.step}"
