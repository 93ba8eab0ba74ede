"""Whether a ranking holds: the loss as more and more of its top, its bottom, or any weights go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.importance.groups import Groups
from weightdesk.explain.importance.probe import Probe, make_probe
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import ParameterName


@dataclass(frozen=True, eq=False)
class Verification(Page):
    """The loss with k groups of weights removed together.

    Attributes:
        parameter: whose weights.
        k: (points,) how many groups are removed; begins with 0.
        top: (points,) the loss without the k that rank highest.
        bottom: (points,) the loss without the k that rank lowest.
        random: (draws, points) the loss without k drawn at random.
    """

    parameter: ParameterName
    k: Tensor
    top: Tensor
    bottom: Tensor
    random: Tensor

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        return f"The loss as weights of {self.parameter} are removed"

    @property
    def top_area(self) -> float:
        """Mean height of the top curve above the mean random one over log(1 + k), in units of the loss."""
        return self._area(self.top - self.random.mean(0))

    @property
    def bottom_area(self) -> float:
        """Mean height of the mean random curve above the bottom one over log(1 + k), in units of the loss."""
        return self._area(self.random.mean(0) - self.bottom)

    @property
    def random_spread(self) -> float:
        """Largest mean height of one random curve above the mean of the others: what chance does."""
        others = (self.random.sum(0) - self.random) / max(1, len(self.random) - 1)
        return max(abs(self._area(one - other)) for one, other in zip(self.random, others, strict=True))

    def _area(self, height: Tensor) -> float:
        along = torch.log1p(self.k.double())
        return float(torch.trapezoid(height, along) / along[-1])

    def sections(self) -> list[Section]:
        """The curves."""
        columns = {
            "removed": self.k.tolist(),
            "top": self.top.tolist(),
            "random": self.random.mean(0).tolist(),
            "bottom": self.bottom.tolist(),
        }
        note = (
            f"between top and random {self.top_area:+.4g}, random and bottom {self.bottom_area:+.4g}, one "
            f"draw and the others up to {self.random_spread:.4g}: means over log(1 + k), in units of the loss"
        )
        return [section("loss", columns, bars=["top", "random", "bottom"], note=note)]


def verify(
    probe: Probe,
    parameter: ParameterName,
    groups: Groups,
    order: Tensor,
    k: Sequence[int] | int,
    inputs: Any,
    targets: Any,
    draws: int,
    seed: int,
) -> Verification:
    """Remove groups from either end of an order, and at random; see `Importance.verification`."""
    counts = _counts(k, groups.count)
    if (inputs is None) != (targets is None) or draws < 1:
        raise OptionError("give inputs and targets together, and at least one draw")
    if inputs is not None:
        weights = probe.weights
        probe = replace(make_probe(probe.model, inputs, targets, probe.loss, probe.seed), weights=weights)

    def curve(ranks: Tensor) -> Tensor:
        whole = probe.weights[parameter]
        changed = [{parameter: groups.without(whole, ranks[:count])} for count in counts]
        return torch.tensor([probe.total(each) for each in changed], dtype=torch.float64)

    generator = torch.Generator().manual_seed(seed)
    with probe.running():
        random = [curve(torch.randperm(groups.count, generator=generator)) for _ in range(draws)]
        return Verification(
            parameter, torch.tensor(counts), curve(order), curve(order.flip(0)), torch.stack(random)
        )


def _counts(k: Sequence[int] | int, largest: int) -> list[int]:
    """0 and the numbers of groups to remove."""
    if isinstance(k, int):
        if k < 1:
            raise OptionError(f"k must be at least 1, got {k}")
        spaced = torch.logspace(0, torch.log10(torch.tensor(float(largest))), k).round().long()
        return [0, *dict.fromkeys([*spaced.tolist()[:-1], largest])]
    if not k or min(k) < 1 or max(k) > largest:
        raise OptionError(f"k must be from 1 to {largest}, got {list(k)}")
    return [0, *sorted(set(k))]
