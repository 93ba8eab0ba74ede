"""The gradient of one weight as the sum of what every example adds to it, each with its factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.gradients.chain import Delta
from weightdesk.explain.gradients.contributions import Contributions
from weightdesk.explain.gradients.paths import Paths, search
from weightdesk.explain.gradients.tree import Tree
from weightdesk.explain.page import Page, Section, section
from weightdesk.explain.weight import address
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
        classes: the sum of each class, where the targets are one whole number an example; where they are
            one for each token see `target_classes`.
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
    _tree: Tree | None = field(repr=False)
    _by_target: Callable[[], Mapping[int, float]] = field(repr=False)

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
        where, count = address(self.parameter, self.index), len(self.contributions)
        return f"∂L/∂{where} = {self.gradient:+.4g}, the sum of {count} δ × x"

    def target_classes(self) -> Mapping[int, float]:
        """The sum of each class of targets, where every token has one, as in a language model.

        A token's target pushes a weight at all tokens that the model looks back on: these pushes are
        the target's, not those of the place where they act. It runs the pass again, at the cost of
        about two.

        Raises:
            OptionError: the targets are no classes of the outputs, or the model has changed.
        """
        return self._by_target()

    def delta(self, sample: int = 0, place: Iterable[int] | None = None) -> Delta:
        """δ of the weight's unit for one example, the root of the tree of the chain rule.

        Arguments:
            sample: number of the example.
            place: the token, or row and column; left out, where the example's largest summand lies.

        Raises:
            OptionError: the weight is used by an operation without factors, or the model has changed.
            IndexRangeError: there is no such example, or the weight is not used for it at this place.
        """
        tree, rows = self._rows(sample)
        if place is not None:
            wanted = torch.tensor([*place], dtype=torch.int64)
            width = self.contributions.place.shape[1]
            if len(wanted) > width or not bool((fits := self._at(rows, wanted)).any()):
                raise IndexRangeError(
                    f"{self.parameter} acts at no place {tuple(wanted.tolist())} of example {sample}; "
                    f"its {len(rows)} places, of {width} coordinates each, are in .contributions"
                )
            rows = rows[fits]
        return tree.root(int(rows[0]))

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
        tree, rows = self._rows(sample)
        table = self.contributions
        starts = [(tree.root(row), table.x[row].item()) for row in rows[:beam].tolist()]
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

    def _rows(self, sample: int | None) -> tuple[Tree, Tensor]:
        """The tree and the summands of an example, those that all share included."""
        if self._tree is None:
            raise OptionError(f"{self.parameter} has no δ to open: {self.note}")
        if sample is None:
            return self._tree, torch.arange(len(self.contributions))
        if not 0 <= sample < len(self.examples):
            raise IndexRangeError(f"there is no example {sample}; choose from 0..{len(self.examples) - 1}")
        of = self.contributions.sample
        rows = ((of == sample) | (of < 0)).nonzero().flatten()
        if not len(rows):
            raise IndexRangeError(f"{self.parameter} is not used for example {sample}; see .contributions")
        return self._tree, rows

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
