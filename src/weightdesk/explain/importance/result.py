"""What depends on the weights of a parameter, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.importance.groups import Groups
from weightdesk.explain.importance.probe import Probe
from weightdesk.explain.importance.verification import Verification, verify
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import Index, ParameterName

_SHOWN: Final = 20


@dataclass(frozen=True, eq=False)
class Importance(Page):
    """How much depends on each weight of a parameter, or on each group of them.

    Attributes:
        parameter: its name.
        method: how it was judged.
        level: what the values are of: `weight`, `unit`, `kernel` or `group`.
        values: one for each, in double precision; of the parameter's shape for weights. What `ablation`
            and `taylor` give is a change of the loss: positive where the loss would rise.
        exact: whether a value comes from an ablation carried out, and is no estimate.
        error: largest difference between an exact value and a re-execution, measured on a sample; 0
            where every value is itself a re-execution; nan for a method that estimates no change.
        bound: of the values that are not exact: twice the largest |exact − estimate| among a seeded sample of
            groups that were computed exactly whatever their estimate; nan where there is none.
        baseline: the loss with nothing zeroed.
        engine: how it was computed.
        note: what must be known to read the values.
        seconds: how long it took.
    """

    parameter: ParameterName
    method: str
    level: str
    values: Tensor
    exact: Tensor
    error: float
    bound: float
    baseline: float
    engine: str
    note: str
    seconds: float
    _probe: Probe = field(repr=False)
    _groups: Groups = field(repr=False)

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        return f"What depends on {self.parameter}, by {self.method}"

    def top(self, k: int) -> list[tuple[Index, float]]:
        """The k groups with the largest values, the largest first; equal ones by index."""
        order = self.order[: _positive(k)]
        places = torch.stack(torch.unravel_index(order, self.values.shape), dim=1).tolist()
        return [
            (tuple(place), float(self.values.flatten()[i])) for place, i in zip(places, order, strict=True)
        ]

    @property
    def order(self) -> Tensor:
        """Numbers of the groups, the largest value first."""
        return self.values.flatten().argsort(descending=True, stable=True)

    def verification(
        self,
        k: Sequence[int] | int = 12,
        *,
        inputs: Any = None,
        targets: Any = None,
        draws: int = 5,
        seed: int = 0,
    ) -> Verification:
        """The loss as the top, the bottom and random groups are removed together.

        A ranking that holds raises the loss faster from its top than removing at random does.

        Arguments:
            k: how many are removed, or how many such numbers, log-spaced up to all.
            inputs: other examples to judge the ranking on; those that it was made on by default.
            targets: theirs.
            draws: how many random orders.
            seed: of these.

        Raises:
            OptionError: a k is out of range, or only one of inputs and targets is given.
        """
        return verify(self._probe, self.parameter, self._groups, self.order, k, inputs, targets, draws, seed)

    def sections(self) -> list[Section]:
        """The groups with the largest values, the smallest ones, and how they were computed."""
        facts = {
            "baseline loss": self.baseline,
            "exact": f"{int(self.exact.sum())} of {self.exact.numel()}",
            "largest error measured": self.error,
            "bound of the estimates": self.bound,
            "computed by": self.engine,
            "seconds": self.seconds,
        }
        facts = {name: each for name, each in facts.items() if each == each}  # NaN where there are none
        return [
            self._table(f"{self.level}s that most depends on", self.order[:_SHOWN]),
            self._table(f"{self.level}s that least depends on", self.order.flip(0)[:_SHOWN]),
            section("how", {"what": list(facts), "value": [_text(each) for each in facts.values()]}),
        ]

    def _table(self, title: str, order: Tensor) -> Section:
        places = torch.stack(torch.unravel_index(order, self.values.shape), dim=1).tolist()
        columns: dict[str, Any] = {"index": [str(tuple(place)) for place in places]}
        if self.level == "weight":
            columns["weight"] = self._probe.weights[self.parameter].flatten()[order].tolist()
        columns[self.method] = self.values.flatten()[order].tolist()
        columns["exact"] = self.exact.flatten()[order].tolist()
        return section(title, columns, bars=[self.method], note=self.note)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _positive(k: int) -> int:
    if k < 1:
        raise OptionError(f"k must be at least 1, got {k}")
    return k
