"""The result of `formation`: the scores over the steps, and since when each has stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.capture.story.resampling import ENDS, spread
from weightdesk.capture.story.tables import columns, told
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import Step


@dataclass(frozen=True)
class Formed:
    """Since when something has been formed.

    Attributes:
        step: the first step from which its score stays; None where there is no last score to compare with.
        after: lower end of the 95 % interval: it was formed after this step, or by step 0 if that is 0.
        by: upper end: the latest step by which it was formed.
    """

    step: Step | None
    after: Step | None
    by: Step | None


@dataclass(frozen=True, eq=False)
class Formation(Page):
    """The scores of layers and units over the steps of a run.

    Attributes:
        steps: those that were measured.
        layers: their names.
        scores: by name; first on all examples, then on random halves of them.
        units: layer and number of each unit.
        correlations: of each unit's activations with those at the last step; in the same way.
        share: of its last value, that a score must reach and keep.
    """

    steps: tuple[Step, ...]
    layers: tuple[str, ...]
    scores: Mapping[str, Float64[Tensor, "steps layers samples"]]
    units: tuple[tuple[str, int], ...]
    correlations: Float64[Tensor, "steps samples units"]
    share: float

    @property
    def title(self) -> str:
        """How many steps, and what counts as formed."""
        return (
            f"when features formed: the first of {len(self.steps)} steps from which a score stays above "
            f"{self.share:.0%} of its last value"
        )

    def formed(self, score: str) -> list[Formed]:
        """Since when each layer has been formed, by one of the scores."""
        found = self.scores[score]
        return [formed(self.steps, found[:, each], self.share) for each in range(len(self.layers))]

    @property
    def formed_units(self) -> list[Formed]:
        """Since when each unit has been what it is at the last step."""
        return [formed(self.steps, each.T, self.share) for each in self.correlations.permute(2, 1, 0)]

    def sections(self) -> list[Section]:
        """When each layer and unit formed, and the curves from which that was read."""
        return [self._layers(), self._units(), self._curves()]

    def _layers(self) -> Section:
        rows = [
            (layer, score, *_dated(when), *map(told, self.scores[score][[0, -1], number, 0].tolist()))
            for score in self.scores
            for number, (layer, when) in enumerate(zip(self.layers, self.formed(score), strict=True))
        ]
        names = ("layer", "score", "formed at", "after", "by", "at first", "at last")
        return section("when each layer formed", columns(names, rows), note=self._note())

    def _units(self) -> Section:
        first = self.correlations[0, 0].tolist()
        rows = [
            (layer, unit, *_dated(when), told(value))
            for (layer, unit), when, value in zip(self.units, self.formed_units, first, strict=True)
        ]
        names = ("layer", "unit", "formed at", "after", "by", "correlation at first")
        return section("when each unit formed", columns(names, rows), note=self._note())

    def _curves(self) -> Section:
        rows = []
        for score, found in self.scores.items():
            for number, layer in enumerate(self.layers):
                for step, values in zip(self.steps, found[:, number], strict=True):
                    estimate = spread(float(values[0]), values[1:])
                    # No score exceeds 1; the ends of resampling may.
                    bounds = map(told, (estimate.value, estimate.low, min(1.0, estimate.high)))
                    rows.append((layer, score, step, *bounds))
        names = ("layer", "score", "step", "value", "from", "to")
        return section("scores over the steps", columns(names, rows))

    def _note(self) -> str:
        return (
            f"95 % intervals from {self.correlations.shape[1] - 1} random halves of the examples; a step is "
            "known to the gap between measured ones; what is formed at the first was there from the start"
        )


def formed(steps: Sequence[Step], scores: Float64[Tensor, "steps samples"], share: float) -> Formed:
    """Since when a score has been at its share of the last one, with the interval over the samples.

    Arguments:
        steps: of the scores.
        scores: on all examples first, then on the halves.
        share: of the last one.

    >>> curve = torch.tensor([0.1, 0.95, 0.5, 0.92, 1.0])
    >>> formed((0, 1, 10, 100, 1000), torch.stack([curve, curve], 1).double(), 0.9)
    Formed(step=100, after=10, by=100)
    """
    whole, *others = first_lasting(scores, share).tolist()
    if whole < 0:
        return Formed(None, None, None)
    found = torch.tensor([each for each in others if each >= 0] or [whole]).double()
    low, high = torch.quantile(found, torch.tensor(ENDS).double(), interpolation="nearest").long().tolist()
    return Formed(steps[whole], steps[max(0, min(low, whole) - 1)], steps[max(high, whole)])


def first_lasting(scores: Float64[Tensor, "steps samples"], share: float) -> Int64[Tensor, " samples"]:
    """The place of the first score from which all are at least a share of the last one; −1 where none is.

    None is where the last score is not above 0, or not a number.

    >>> first_lasting(torch.tensor([[0.0, 1.0], [1.0, -1.0]]).double(), 0.5)
    tensor([ 1, -1])
    """
    below = ~(scores >= share * scores[-1])
    numbers = torch.arange(1, len(scores) + 1)[:, None]
    return torch.where(scores[-1] > 0, (below * numbers).amax(0), -1)


def _dated(when: Formed) -> tuple[Step | None, Step | None, Step | None]:
    return when.step, when.after, when.by
