"""The gradient of one weight as the sum of what every example adds to it, each with its factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.gradients.chain import Chain, Delta
from weightdesk.explain.gradients.contributions import Contributions
from weightdesk.explain.gradients.paths import Paths, search
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import Index, ParameterName


@dataclass(frozen=True, eq=False)
class GradientReasons(Page):
    """Why one weight has the gradient that it has: ∂L/∂w = Σ δ × x.

    Gradient descent moves a weight against its gradient: a negative summand pushes it up.

    Attributes:
        parameter: name of the parameter.
        index: place of the weight in it.
        kind: the kind of the operation that uses it (see `operations.py`); `unknown` has no factors.
        loss: the loss of the batch.
        autograd: the gradient that autograd gives for the same batch, in a pass of its own.
        contributions: the summands, the largest first.
        examples: the sum of each example; NaN where they cannot be told apart.
        classes: the sum of each class, where the targets are one whole number an example.
        note: what must be known to read the numbers.
    """

    parameter: ParameterName
    index: Index
    kind: str
    loss: float
    autograd: float
    contributions: Contributions
    examples: Float64[Tensor, " examples"]
    classes: Mapping[int, float] | None
    note: str
    _open: Callable[[], Chain] | None = field(repr=False)

    @property
    def gradient(self) -> float:
        """The sum of all contributions."""
        return self.contributions.product.sum().item()

    @property
    def remainder(self) -> float:
        """What autograd gives beyond the sum: rounding, unless the note says otherwise."""
        return self.autograd - self.gradient

    @property
    def title(self) -> str:
        """The weight and its gradient."""
        index = ", ".join(map(str, self.index))
        count = len(self.contributions)
        return f"∂L/∂{self.parameter}[{index}] = {self.gradient:+.4g}, the sum of {count} δ × x"

    def delta(self, sample: int = 0, place: Iterable[int] | None = None) -> Delta:
        """δ of the weight's unit for one example, the root of the tree of the chain rule.

        Arguments:
            sample: number of the example.
            place: the token, or row and column; left out, where the example's largest summand lies.

        Raises:
            OptionError: the weight is used by an operation without factors, or the model has changed.
            IndexRangeError: there is no such example, or the weight is not used for it at this place.
        """
        chain, rows = self._root(sample)
        if place is not None:
            wanted = torch.tensor([*place], dtype=torch.int64)
            width = self.contributions.place.shape[1]
            if len(wanted) > width or not bool((fits := self._at(rows, wanted)).any()):
                raise IndexRangeError(
                    f"{self.parameter} acts at no place {tuple(wanted.tolist())} of example {sample}; "
                    f"its {len(rows)} places, of {width} coordinates each, are in .contributions"
                )
            rows = rows[fits]
        first = rows[0]
        return chain.delta(int(self.contributions.station[first]), int(self.contributions.position[first]))

    def paths(self, sample: int | None = None, *, top: int = 10, beam: int = 16) -> Paths:
        """The paths from the weight to the loss that carry most of its gradient.

        Arguments:
            sample: only those of one example.
            top: how many to return.
            beam: how many unfinished paths to follow at a time; more finds smaller ones and takes longer.

        Raises:
            OptionError: the weight is used by an operation without factors, or the model has changed.
            IndexRangeError: there is no such example.
        """
        chain, rows = self._root(sample)
        table, kept = self.contributions, rows[:beam].tolist()
        starts = [
            (chain.delta(int(table.station[row]), int(table.position[row])), table.x[row].item())
            for row in kept
        ]
        return search(starts, table.product[rows].sum().item(), top, beam)

    def sections(self) -> list[Section]:
        """The summands, then the examples and the classes by what they push."""
        parts = (
            f"Σ δ × x = {self.gradient:+.6g}, autograd {self.autograd:+.6g}, remainder {self.remainder:+.2g}"
        )
        found = [
            Section(
                "pushes, by example and place",
                self.contributions.table(),
                ("product",),
                f"{parts}; {self.note}",
            )
        ]
        if not self.examples.isnan().any():
            found.append(_pushes("example", dict(enumerate(self.examples.tolist()))))
        return [*found, _pushes("class", self.classes)] if self.classes else found

    @cached_property
    def _chain(self) -> Chain:
        if self._open is None:
            raise OptionError(f"{self.parameter} has no δ to open: {self.note}")
        chain, table = self._open(), self.contributions
        for number in sorted(set(table.station.tolist())):
            rows = table.station == number
            again = chain.backward.delta(number).reshape(-1).cpu()[table.position[rows]]
            size = 1000 * torch.finfo(again.dtype).eps * float(table.delta.abs().max())
            if not torch.allclose(again.double(), table.delta[rows], rtol=0, atol=size):
                raise OptionError(
                    "the model has changed since this gradient was explained; call explain_gradient again"
                )
        return chain

    def _root(self, sample: int | None) -> tuple[Chain, Tensor]:
        """The tree and the summands of an example, those that all share included."""
        if sample is None:
            return self._chain, torch.arange(len(self.contributions))
        if not 0 <= sample < len(self.examples):
            raise IndexRangeError(f"there is no example {sample}; choose from 0..{len(self.examples) - 1}")
        of = self.contributions.sample
        rows = ((of == sample) | (of < 0)).nonzero().flatten()
        if not len(rows):
            raise IndexRangeError(f"{self.parameter} is not used for example {sample}; see .contributions")
        return self._chain, rows

    def _at(self, rows: Tensor, place: Tensor) -> Tensor:
        known = self.contributions.place[rows]
        wanted = torch.nn.functional.pad(place, (0, known.shape[1] - len(place)), value=-1)
        return (known == wanted).all(dim=1)


def _pushes(what: str, sums: Mapping[int, float]) -> Section:
    ranked = sorted(sums.items(), key=lambda each: -abs(each[1]))
    columns = {
        what: [key for key, _ in ranked],
        "product": [value for _, value in ranked],
        "pushes": ["up" if value < 0 else "down" if value else "" for _, value in ranked],
    }
    return section(f"pushes, by {what}", columns, bars=["product"])
