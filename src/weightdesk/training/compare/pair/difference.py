"""Runs that exist already, as a page: what was done otherwise, where they part, which layers differ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import PurePath

from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section
from weightdesk.runs import Run, open_run
from weightdesk.training.compare.pair.layers import LayerPair, compare_layers
from weightdesk.training.compare.pair.parting import Parting, parting
from weightdesk.training.compare.pair.recipes import differing
from weightdesk.training.compare.results import curves_of


@dataclass(frozen=True, eq=False)
class Difference(Page):
    """Two or more runs, the first against each of the others.

    Attributes:
        runs: as they were opened.
    """

    runs: tuple[Run, ...]

    @cached_property
    def names(self) -> list[str]:
        """What the runs are called: their paths without what they have in common."""
        parts = [PurePath(run.path).parts for run in self.runs]
        abreast = zip(*(each[:-1] for each in parts), strict=False)
        shared = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, abreast))
        found = [str(PurePath(*each[shared:])) for each in parts]
        return [name if found.count(name) == 1 else f"{name} ({at})" for at, name in enumerate(found, 1)]

    @cached_property
    def options(self) -> dict[str, list[str]]:
        """The options that differ, each with the value of every run."""
        return differing(self.runs)

    @cached_property
    def partings(self) -> dict[str, Parting | None]:
        """Where the loss of each other run parts from that of the first; None where that cannot be told."""
        curves = [curves_of(run).get("loss", {}) for run in self.runs]
        others = zip(self.names[1:], curves[1:], strict=True)
        return {name: parting(curves[0], each) for name, each in others}

    @cached_property
    def layers(self) -> dict[str, tuple[tuple[LayerPair, ...], str]]:
        """The layers of each other run beside those of the first, and what could not be asked of them."""
        others = zip(self.names[1:], self.runs[1:], strict=True)
        return {name: compare_layers(self.runs[0], run) for name, run in others}

    @property
    def title(self) -> str:
        """What differs, in a line."""
        return "; ".join(self._sentence(name, found) for name, found in self.partings.items())

    def sections(self) -> list[Section]:
        """Options, curves, layers."""
        return [self._options(), self._curves(), *self._layers()]

    def _sentence(self, name: str, found: Parting | None) -> str:
        named = f"{name} beside {self.names[0]}"
        several = {0: "no option differs", 1: "1 option differs"}
        differ = several.get(len(self.options), f"{len(self.options)} options differ")
        if found is None:
            return f"{named}: {differ}, their losses cannot be compared"
        if found.unlike is None:
            return f"{named}: {differ}, their losses are the same bits at all shared steps"
        course = "never part by more than noise" if found.step is None else f"part at step {found.step}"
        return f"{named}: {differ}, their losses {course}"

    def _options(self) -> Section:
        columns = {"option": list(self.options)}
        for place, name in enumerate(self.names):
            columns[name] = [values[place] for values in self.options.values()]
        return section("what was done otherwise", columns)

    def _curves(self) -> Section:
        known = {path: found for path, found in self.partings.items() if found is not None}
        columns = {
            "run": list(known),
            "first unlike": [each.unlike for each in known.values()],
            "part at": [each.step for each in known.values()],
            "in the end": [each.final for each in known.values()],
            "noise": [each.noise for each in known.values()],
            "smoothed over": [each.window for each in known.values()],
        }
        note = (
            f"loss less that of {self.names[0]}, step by step: the first step where it is not 0, and from "
            "which its mean over a window stays beyond noise (fewer than 1 false alarm in 100)"
        )
        return section("where the losses part", columns, note=note)

    def _layers(self) -> Iterator[Section]:
        for name, (pairs, missing) in self.layers.items():
            columns = {
                "layer": [each.layer for each in pairs],
                "weights": [each.weights for each in pairs],
                "aligned": [each.aligned for each in pairs],
                "CKA": [each.cka for each in pairs],
            }
            note = (
                "weights: ‖a − b‖ / √(‖a‖‖b‖), √2 for unrelated ones; aligned: with units in the order that "
                "agrees best (Ainsworth et al. 2022); CKA: 1 where layers see examples alike"
                + (f". {missing}" if missing else "")
            )
            yield section(f"layers of {name}", columns, note=note)


def compare_runs(runs: Sequence[str | os.PathLike[str] | Run]) -> Difference:
    """Compare runs that exist already, the first with each of the others.

    Arguments:
        runs: two or more, open or as paths.

    Raises:
        OptionError: there are fewer than two.
        RunNotFoundError: there is no run at a path.

    >>> compare_runs(["runs/a"])
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: comparing takes two runs or more, got 1
    """
    if len(runs) < 2:
        raise OptionError(f"comparing takes two runs or more, got {len(runs)}")
    return Difference(tuple(each if isinstance(each, Run) else open_run(each) for each in runs))
