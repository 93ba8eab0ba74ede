"""The paths from one weight through the network to the loss, ranked by what they carry."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest

from weightdesk.explain.gradients.chain import Delta, Part
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Path:
    """One way from a weight to the loss.

    Attributes:
        start: the unit that the weight belongs to.
        x: what the weight is multiplied with there.
        steps: the units passed, the last one the loss.
        value: x × the jacobians of all steps, this path's part of the gradient.
    """

    start: Delta
    x: float
    steps: tuple[Part, ...]
    value: float

    def __str__(self) -> str:
        stops: tuple[Delta | Part, ...] = (self.start, *self.steps)
        return " → ".join(map(_stop, stops))


@dataclass(frozen=True, eq=False)
class Paths(Page):
    """The paths that carry most of a gradient, as far as a beam search finds them.

    Attributes:
        paths: the largest first.
        total: what all paths carry together: the gradient of the weight, or an example's part of it.
        beam: how many unfinished paths were followed at a time.
    """

    paths: tuple[Path, ...]
    total: float
    beam: int

    @property
    def carried(self) -> float:
        """What these paths carry together, as a share of all; beyond 1 where others cancel it."""
        return math.fsum(path.value for path in self.paths) / self.total if self.total else math.nan

    @property
    def title(self) -> str:
        """How much is shown."""
        return f"{len(self.paths)} paths to the loss, which carry {self.carried:.1%} of {self.total:+.4g}"

    def sections(self) -> list[Section]:
        """The paths with the value of each."""
        columns = {
            "path": [str(path) for path in self.paths],
            "sample": [path.start.sample for path in self.paths],
            "x": [path.x for path in self.paths],
            "value": [path.value for path in self.paths],
        }
        note = f"found by a beam search of width {self.beam}; a larger path may have been missed"
        return [section("paths from the weight to the loss", columns, bars=["value"], note=note)]


def search(starts: Iterable[tuple[Delta, float]], total: float, top: int, beam: int) -> Paths:
    """Follow the paths that carry most from units with their inputs to the loss.

    Arguments:
        starts: the units, each with what the weight is multiplied with there.
        total: what all paths carry.
        top: how many paths to return.
        beam: unfinished paths kept at each step, those first through whose next unit most is carried.
    """
    ranked = nlargest(beam, starts, key=lambda start: abs(start[0].delta * start[1]))
    unfinished = [Path(delta, x, (), x) for delta, x in ranked]
    finished: list[Path] = []
    while unfinished:
        longer = [each for path in unfinished for each in _extended(path, beam)]
        finished += [path for path in longer if path.steps[-1].is_loss]
        going = [path for path in longer if not path.steps[-1].is_loss]
        unfinished = nlargest(beam, going, key=lambda path: abs(path.value * path.steps[-1].delta))
    best = nlargest(top, finished, key=lambda path: abs(path.value))
    return Paths(tuple(best), total, beam)


def _extended(path: Path, beam: int) -> list[Path]:
    last = path.steps[-1].open() if path.steps else path.start
    # A part that cannot be split into units ends the path: what it carries is missing from the share.
    parts = [part for part in last.largest(beam) if part.product and not math.isnan(part.jacobian)]
    return [Path(path.start, path.x, (*path.steps, part), path.value * part.jacobian) for part in parts]


def _stop(each: Delta | Part) -> str:
    place = f"({', '.join(map(str, each.place))})" if each.place else ""
    return f"{each.module}{'' if each.unit is None else f'[{each.unit}]'}{place}"
