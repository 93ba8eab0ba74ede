"""Transplanting: weights of another network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from weightdesk.desk.edits.copying import Copying
from weightdesk.desk.edits.edit import settle, whole
from weightdesk.desk.edits.sources import Source, open_source


@dataclass(frozen=True)
class Transplanting(Copying):
    """Every weight of the place gets the value that it has in another run or in a file.

    The parameter has the same name and shape there; its values are rounded to the dtype here.

    Attributes:
        source_path: folder or address of a run, or a file of weights: .safetensors, or .pt, of which
            only tensors are read.
        step: of a run; its last kept one where none is given, which is settled when the edit is bound.

    >>> from weightdesk.desk.places import Place
    >>> Transplanting(Place.parse("fc"), "runs/other", 128).describe()
    'fc taken from runs/other at step 128'
    """

    source_path: str
    step: int | None = None

    kind: ClassVar[str] = "transplant"
    words: ClassVar[Mapping[str, str]] = {"source_path": "source"}

    def __post_init__(self) -> None:
        step = None if self.step is None else whole(self.step, "the step")
        settle(self, source_path=str(self.source_path), step=step)

    def source(self) -> Source:
        return open_source(self.source_path, self.step)

    def settled(self, source: Source) -> Self:
        return replace(self, step=source.step)

    def describe(self) -> str:
        at = "" if self.step is None else f" at step {self.step}"
        return f"{self.place} taken from {self.source_path}{at}"
