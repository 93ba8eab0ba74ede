"""What a lane keeps of one state, its reference, from which every turn starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from weightdesk.desk.engine.comparison import largest
from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.engine.graph.step import Slot

if TYPE_CHECKING:
    from weightdesk.desk.state import State

_GROWN: Final = 8.0


@dataclass(frozen=True, eq=False)
class Reference:
    """The results of a state, computed in full.

    Attributes:
        state: whose they are.
        values: kept results, parameters, constants and inputs by slot.
        scales: the largest size of each kept result that differences are added to.
    """

    state: State
    values: Mapping[Slot, Any]
    scales: Mapping[Slot, float]

    def steady(self, slot: Slot) -> bool:
        """Whether a result is kept and finite."""
        return math.isfinite(self.scales.get(slot, math.nan))


def scales_of(plan: Plan, kept: Mapping[Slot, Any]) -> dict[Slot, float]:
    """The largest size of each result of a costly operation; NaN and infinity show in it."""
    return {
        slot: _largest(value)
        for slot, value in kept.items()
        if slot in plan.by_slot and plan.by_slot[slot].costly
    }


def is_sound(scales: Mapping[Slot, float], first: Mapping[Slot, float]) -> bool:
    """Whether results may become a reference.

    They must be finite. And they must not be much larger than at first: what is added to a large number and
    takes it back to a small one leaves the large one's rounding behind.
    """
    return all(
        math.isfinite(scale) and scale <= _GROWN * first.get(slot, 0.0) for slot, scale in scales.items()
    )


def _largest(value: Any) -> float:
    if not isinstance(value, Tensor) or not value.is_floating_point() or not value.numel():
        return math.nan
    return largest(value)
