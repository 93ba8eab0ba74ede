"""Exact points of a curve, and what each example adds there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.sweeps.found import Found, exactly_found
from weightdesk.desk.sweeps.present import Present
from weightdesk.desk.sweeps.weight import Weight


@dataclass(frozen=True, eq=False)
class Points:
    """Exact points, the present one first.

    Attributes:
        values: of the weight.
        parts: of the scores, what each example adds at each point.
        numbers: what these make together.
        seconds: that each took but the present one.
    """

    values: Float64[Tensor, " points"]
    parts: Mapping[str, Float64[Tensor, "points examples"]]
    numbers: Mapping[str, Float64[Tensor, " points"]]
    seconds: tuple[float, ...] = ()

    @classmethod
    def of(cls, present: Present, weight: Weight) -> Points:
        """The present one alone."""
        at = torch.tensor([weight.value(present.state)], dtype=torch.float64)
        parts = {name: present.parts[name].amounts[None] for name in present.scores}
        return cls(at, parts, {name: present.ratio(name, each) for name, each in parts.items()})

    @property
    def finite(self) -> bool:
        """Whether there is a number at every point."""
        return all(bool(each.isfinite().all()) for each in self.numbers.values())

    def more(self, present: Present, weight: Weight, values: Float64[Tensor, " values"]) -> Points:
        """With further ones, as far as they are new."""
        parts, at, took = dict(self.parts), self.values, list(self.seconds)
        for value in values[~torch.isin(values, self.values)]:
            began = time.perf_counter()
            found = present.set.parts(weight.turned(present.state, float(value)))
            took.append(time.perf_counter() - began)
            parts = {name: torch.cat([each, found[name].amounts[None]]) for name, each in parts.items()}
            at = torch.cat([at, value[None]])
        return Points(
            at, parts, {name: present.ratio(name, each) for name, each in parts.items()}, tuple(took)
        )

    def found(self, values: Float64[Tensor, " values"], others: Found) -> Found:
        """What was found at all values, and these where they are among them."""
        asked = torch.isin(self.values, values)
        exact = {name: each[asked] for name, each in self.numbers.items()}
        known = exactly_found(self.values[asked], exact, statistics.median(self.seconds))
        return known.joined(others.only(~torch.isin(others.values, self.values)))
