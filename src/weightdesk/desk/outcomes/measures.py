"""Numbers that judge outputs, now and before the turns, with the bounds of those that are estimates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.outcomes.interval import Interval, change_interval, mean_interval, share_interval

_SHARE: Final = "accuracy"


@dataclass(frozen=True)
class Measure:
    """One number of an outcome.

    Attributes:
        now: with the turns.
        before: of the unedited network.
        interval: where 95 of 100 times the number of the whole probe set lies; both ends are the number
            where it is exact, None where nothing is known.
        change_interval: the same for the change.
    """

    now: float
    before: float
    interval: Interval | None
    change_interval: Interval | None

    @property
    def change(self) -> float:
        """By how much the turns moved it."""
        return self.now - self.before


class Parts(NamedTuple):
    """What each example adds to a measure, Σ amounts / Σ weights."""

    amounts: Float64[Tensor, " seen"]
    weights: Float64[Tensor, " seen"]

    @property
    def ratio(self) -> float:
        """What the examples make together; nan where none of them counts."""
        return float(self.amounts.sum() / self.weights.sum())


def exact(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, Measure]:
    """Measures of the whole probe set.

    >>> exact({"loss": 2.0}, {"loss": 1.5})["loss"].change
    0.5
    """
    return {
        name: Measure(
            value, before[name], Interval(value, value), Interval(value - before[name], value - before[name])
        )
        for name, value in now.items()
    }


def joined(parts: Iterable[Mapping[str, Parts]]) -> dict[str, Parts]:
    """The parts of several groups of examples together.

    >>> ones = Parts(torch.ones(2), torch.ones(2))
    >>> len(joined([{"loss": ones}, {"loss": ones}])["loss"].amounts)
    4
    """
    groups = list(parts)
    return {
        name: Parts(*(torch.cat(each) for each in zip(*(group[name] for group in groups), strict=True)))
        for name in groups[0]
    }


def estimated(
    now: Mapping[str, Parts], before: Mapping[str, Parts], known: Mapping[str, float], count: int
) -> dict[str, Measure]:
    """Measures of the whole probe set, estimated from some of its examples drawn at random.

    The change is estimated from the examples' own changes, so that what differs between examples and not
    between the states drops out. Where the number of the unedited network is known for the whole set, the
    change is added to it; whichever of the two bounds is closer is given.

    Arguments:
        now: what each example seen adds.
        before: the same in the unedited network, for the same examples.
        known: numbers of the unedited network over the whole set, as far as they are known.
        count: number of examples of the whole set.

    >>> drawn = Parts(torch.tensor([0.0, 4.0]), torch.ones(2))
    >>> moved = Parts(torch.tensor([1.0, 5.1]), torch.ones(2))
    >>> found = estimated({"loss": moved}, {"loss": drawn}, {"loss": 3.0}, 100)["loss"]
    >>> round(found.now, 2), found.before
    (4.05, 3.0)
    """
    return {name: _estimated(name, now[name], before[name], known.get(name), count) for name in now}


def _estimated(name: str, now: Parts, before: Parts, known: float | None, count: int) -> Measure:
    value, was = now.ratio, before.ratio
    if math.isnan(value - was):  # an output that is no number: nothing to estimate
        return Measure(value, was if known is None else known, None, None)
    if name == _SHARE:
        interval: Interval | None = share_interval(now.amounts, now.weights, count)
        change: Interval | None = change_interval(now.amounts, before.amounts, now.weights, count)
    else:
        interval = mean_interval(now.amounts, now.weights, count)
        change = mean_interval(now.amounts - before.amounts, now.weights, count)
    if known is None:
        return Measure(value, was, interval, change)
    moved = None if change is None else Interval(known + change.low, known + change.high)
    if moved is None or (interval is not None and _width(interval) < _width(moved)):
        # The number before is the one that goes with it, so that the change is that of its own bounds.
        return Measure(value, was, interval, change)
    return Measure(known + (value - was), known, moved, change)


def _width(interval: Interval) -> float:
    return interval.high - interval.low
