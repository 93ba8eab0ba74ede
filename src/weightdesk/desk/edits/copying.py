"""What rewinding and transplanting share: weights that come from elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.edits.sources import Source
from weightdesk.desk.parts import Part
from weightdesk.errors import WeightdeskError
from weightdesk.runs import Parameter, Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Copying(Edit):
    """Every weight of the place becomes what it is in a source.

    A mix names the source only. The values are fetched when the edit is bound and kept from then on,
    as the source may be gone when the edit is undone and done again.

    Attributes:
        fetched: the values of each part.
    """

    fetched: tuple[Tensor, ...] = field(default=(), compare=False, repr=False, kw_only=True)

    @abstractmethod
    def source(self) -> Source:
        """The weights to copy from."""

    @abstractmethod
    def settled(self, source: Source) -> Self:
        """The edit that names just this step of the source."""

    def bound(self, parameters: Parameters, values: Mapping[ParameterName, Tensor]) -> Self:
        edit = super().bound(parameters, values)
        if self.fetched and edit.parts == self.parts:
            return edit
        source = self.source()
        return replace(edit.settled(source), fetched=tuple(_values(source, edit.parts, parameters)))

    def conflicts(self, parameters: Parameters) -> Iterator[str]:
        missing = list(super().conflicts(parameters))
        yield from missing
        try:
            source = self.source()
        except WeightdeskError as error:
            yield str(error)
            return
        parts = () if missing else replace(self, place=self.place.within(parameters)).meant(parameters)
        for name in dict.fromkeys(part.parameter for part in parts):
            yield from _misfit(source, parameters[name])

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for part, kept in zip(self.parts, self.fetched, strict=True):
            part.of(values[part.parameter]).copy_(kept)


def _values(source: Source, parts: tuple[Part, ...], parameters: Parameters) -> Iterator[Tensor]:
    """The values of each part, of the parts alone: nobody else may write to them, nor hold the rest."""
    read: dict[ParameterName, Tensor] = {}
    for part in parts:
        if part.parameter not in read:
            read = {part.parameter: source.tensor(parameters[part.parameter])}
        yield part.of(read[part.parameter]).clone()


def _misfit(source: Source, parameter: Parameter) -> Iterator[str]:
    try:
        source.tensor(parameter)
    except WeightdeskError as error:
        yield str(error)
