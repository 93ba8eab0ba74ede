"""Soloing: only some units of a layer stay audible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.parts import Changes, Part
from weightdesk.errors import OptionError
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Soloing(Edit):
    """All other weights of the parameters that the place lies in become zero; of a head the other heads.

    Several solos in one mix go together as on a mixing desk: all their units are audible. So a solo
    takes the parameter as it would be without the earlier ones and zeroes what none of them names.
    Turns that come after a solo work on what it left: a unit that it silenced can be set again.

    Attributes:
        together: the parts of earlier solos in the same mix; `State` fills it in.

    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> first, second = (Soloing(Place.parse(text)) for text in ("w[0]", "w[2]"))
    >>> State((), {"w": torch.tensor([1.0, 2.0, 3.0])}).with_edits((first, second)).values["w"]
    tensor([1., 0., 3.])
    """

    together: tuple[Part, ...] = field(default=(), compare=False, repr=False, kw_only=True)

    kind: ClassVar[str] = "solo"

    def __post_init__(self) -> None:
        if not self.place.index:
            raise OptionError(f"solo needs one or more units of {self.place}, such as {self.place}[0]")

    def meant(self, parameters: Parameters) -> tuple[Part, ...]:
        return self.place.outputs(parameters)

    @cached_property
    def changes(self) -> Changes:
        return dict.fromkeys(self.touched)

    def joined(self, earlier: Iterable[Edit]) -> Soloing:
        """The same solo together with those before it in the mix."""
        return replace(self, together=tuple(_parts_of_solos(earlier)))

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for name in self.touched:
            silent = torch.ones_like(values[name], dtype=torch.bool)
            for part in (*self.parts, *self.together):
                if part.parameter == name:
                    part.of(silent).fill_(False)
            values[name].masked_fill_(silent, 0)

    def describe(self) -> str:
        return f"{self.place} soloed"


def _parts_of_solos(edits: Iterable[Edit]) -> Iterator[Part]:
    for edit in edits:
        if isinstance(edit, Soloing):
            yield from edit.parts
