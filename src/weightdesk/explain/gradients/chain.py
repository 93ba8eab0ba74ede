"""The chain rule as a tree: δ of one unit in parts, each of which can be opened in turn, down to the loss.

δ = ∂L/∂z = Σ ∂z'/∂z × δ' over the units z' that come next. Where a single activation lies between,
∂z'/∂z is φ'(z) × the outgoing weight. Only the levels that are looked at are computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.gradients.backward import Backward
from weightdesk.explain.gradients.pushes import unit_axes
from weightdesk.explain.gradients.returns import LOSS, Returned, returned
from weightdesk.explain.layout import Layout
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import Index


@dataclass(frozen=True, eq=False)
class Chain:
    """A network cut at its stations, with what the loss sent back to each.

    Attributes:
        backward: the stations and their δ.
        layouts: where the examples lie in the result of each.
        sample: the example that ran alone; None where the whole batch did.
    """

    backward: Backward
    layouts: Sequence[Layout]
    sample: int | None = None
    _known: dict[tuple[int, int], Delta] = field(default_factory=dict, repr=False)

    def delta(self, number: int, position: int) -> Delta:
        """δ of one number of a station's result, given its row-major position."""
        key = (number, position)
        if key not in self._known:
            spot = torch.tensor([position])
            [(unit, sample, place)] = self.addresses(number, spot)
            z = self.backward.stations[number].result.detach().reshape(-1)[position].item()
            delta = self.backward.delta(number).reshape(-1)[position].item()
            known = Delta(self.label(number), unit, sample, place, z, delta, self, number, position)
            self._known[key] = known
        return self._known[key]

    def addresses(self, number: int, positions: Tensor) -> list[tuple[int, int | None, Index]]:
        """Unit, example and place of numbers of a station's result; no example where all share it."""
        station, layout = self.backward.stations[number], self.layouts[number]
        axes = unit_axes(station)
        along = torch.unravel_index(positions, layout.shape)
        units = torch.full_like(positions, 0)
        for axis in axes:
            units = units * layout.shape[axis] + along[axis]
        start = station.roles[0].start if station.roles and station.roles[0].place == "weight" else 0
        numbers = layout.samples(positions).tolist()
        samples = [None if each < 0 else each if self.sample is None else self.sample for each in numbers]
        places = [tuple(each) for each in layout.places(positions, axes).tolist()]
        return list(zip((units + start).tolist(), samples, places, strict=True))

    def parts(self, found: Returned, sample: int | None) -> tuple[Part, ...]:
        """The parts of δ of a unit of one example, as what comes back to it."""
        addresses: list[tuple[int | None, int | None, Index]] = [(None, sample, ())] * len(found.position)
        for number in set(found.follower.tolist()) - {LOSS}:
            rows = ((found.follower == number) & (found.position >= 0)).nonzero().flatten()
            known = self.addresses(number, found.position[rows])
            for row, address in zip(rows.tolist(), known, strict=True):
                addresses[row] = address
        return tuple(
            Part(
                "loss" if follower == LOSS else self.label(follower), *address, jacobian,
                None if math.isnan(slope) else slope,
                jacobian / slope if slope and not math.isnan(slope) else None,
                delta, product, self, None if position < 0 else (follower, position),
            )
            for address, (follower, position, jacobian, slope, delta, product) in zip(
                addresses, found.rows(), strict=True
            )
        )  # fmt: skip

    def label(self, number: int) -> str:
        """The name of what computes a station: its module, or its parameter where the module does more."""
        return self.backward.stations[number].roles[0].name.removesuffix(".weight")


@dataclass(frozen=True, eq=False)
class Part:
    """What one unit further on sends back: product = jacobian × delta.

    Attributes:
        module: what computes it; `loss` for the loss itself.
        unit: its number; None where the parts of a station cannot be told apart, and for the loss.
        sample: the example, None where all share the unit.
        place: the token, or row and column.
        jacobian: ∂z'/∂z.
        slope: φ'(z), where a single activation lies between.
        weight: the outgoing weight then; of several that meet in one place, their sum.
        delta: ∂L/∂z' of that unit; 1 for the loss.
        product: its part of δ.
    """

    module: str
    unit: int | None
    sample: int | None
    place: Index
    jacobian: float
    slope: float | None
    weight: float | None
    delta: float
    product: float
    _chain: Chain = field(repr=False)
    _where: tuple[int, int] | None = field(repr=False)

    @property
    def is_loss(self) -> bool:
        """Whether the chain ends here."""
        return self.module == "loss" and self._where is None

    @property
    def opens(self) -> bool:
        """Whether a unit lies behind it, so that `open` gives its δ."""
        return self._where is not None

    def open(self) -> Delta:
        """δ of that unit, one level nearer to the loss.

        Raises:
            OptionError: this is the loss, or a station whose units cannot be told apart.
        """
        if self._where is None:
            why = (
                "the chain ends at the loss" if self.is_loss else f"{self.module} cannot be split into units"
            )
            raise OptionError(f"{why}; nothing lies behind this part")
        return self._chain.delta(*self._where)


@dataclass(frozen=True, eq=False)
class Delta(Page):
    """δ = ∂L/∂z of one unit for one example and place, as the sum of what comes back to it.

    Attributes:
        module: what computes the unit.
        unit: its number.
        sample: the example, None where all share the unit.
        place: the token, or row and column.
        z: its value, before what follows.
        delta: ∂L/∂z.
    """

    module: str
    unit: int
    sample: int | None
    place: Index
    z: float
    delta: float
    _chain: Chain = field(repr=False)
    _number: int = field(repr=False)
    _position: int = field(repr=False)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What each unit that comes next sends back, the largest first; they sum to δ.

        Raises:
            OptionError: the model's weights have changed since the tree was first opened.
        """
        return self.largest(None)

    def largest(self, count: int | None) -> tuple[Part, ...]:
        """The parts that matter most; all of them for None."""
        order = self._returned.product.abs().argsort(descending=True, stable=True)
        return self._chain.parts(self._returned.take(order[:count]), self.sample)

    @property
    def remainder(self) -> float:
        """What is left of δ without its parts: rounding."""
        return self.delta - self._returned.product.sum().item()

    @property
    def title(self) -> str:
        """The unit and its δ."""
        return f"δ = {self.delta:+.4g} of {_named(self.module, self.unit, self.sample, self.place)}"

    def sections(self) -> list[Section]:
        """The parts of δ."""
        names = ("module", "unit", "sample", "place", "jacobian", "slope", "weight", "delta", "product")
        columns = {name: [getattr(part, name) for part in self.parts] for name in names}
        columns["place"] = [str(place) if place else "" for place in columns["place"]]
        note = f"z = {self.z:+.4g}; the products sum to δ, remainder {self.remainder:+.2g}"
        return [section("δ, from the units that come next", columns, bars=["product"], note=note)]

    @cached_property
    def _returned(self) -> Returned:
        try:
            return returned(self._chain.backward, self._number, self._position)
        except RuntimeError as error:
            if "inplace operation" not in str(error):
                raise
            raise OptionError(
                "the weights have changed since this gradient was explained; call explain_gradient again"
            ) from error


def _named(module: str, unit: int | None, sample: int | None, place: Index) -> str:
    at = f" at {', '.join(map(str, place))}" if place else ""
    of = "" if sample is None else f", example {sample}"
    return f"{module}{'' if unit is None else f' unit {unit}'}{at}{of}"
