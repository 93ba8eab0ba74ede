"""The loss along directions of all weights: the usual slice of the loss landscape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.edits.edit import number, whole
from weightdesk.desk.sweeps.directions import NORMALISATIONS, Direction, Normalise, Walk, drawn, given
from weightdesk.desk.sweeps.exactly import slope
from weightdesk.desk.sweeps.lowest import lowest, lowest_point
from weightdesk.desk.sweeps.present import ACCURACY, LOSS, Present
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Landscape(Page):
    """Loss and accuracy around the present weights, on the whole probe set, along one direction or two.

    Attributes:
        directions: along which the weights move; the present ones are at 0.
        steps: how far, along each direction.
        losses: at each point, an axis for each direction.
        accuracy: the same; None where targets are no classes.
        loss: the present loss.
        slopes: of the loss at present along each direction, as autograd gives them.
        lowest: how far along each direction the loss is lowest, and the loss there, between the points, too,
            where there is one direction; None where no loss is finite.
        notes: how it was done, a line each.
    """

    directions: tuple[Direction, ...]
    steps: Float64[Tensor, " steps"]
    losses: Float64[Tensor, "*points"]
    accuracy: Float64[Tensor, "*points"] | None
    loss: float
    slopes: tuple[float, ...]
    lowest: tuple[tuple[float, ...], float] | None
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is, how steep it is at present, and where it is lowest."""
        axes = "one direction" if len(self.directions) == 1 else "two directions"
        slopes = ", ".join(f"{each:+.3g}" for each in self.slopes)
        bottom = "no finite loss"
        if self.lowest is not None:
            places, loss = self.lowest
            bottom = f"lowest at {', '.join(f'{each:.4g}' for each in places)}: {loss:.6g}"
        return f"loss along {axes}, {self.loss:.6g} at present, slope {slopes}; {bottom}"

    def sections(self) -> list[Section]:
        """A row for each point."""
        steps = torch.meshgrid(*[self.steps] * len(self.directions), indexing="ij")
        columns: dict[str, Any] = {
            f"direction {place}": each.flatten().tolist() for place, each in enumerate(steps, 1)
        }
        columns["loss"] = self.losses.flatten().tolist()
        columns["change"] = (self.losses.flatten() - self.loss).tolist()
        if self.accuracy is not None:
            columns["accuracy"] = self.accuracy.flatten().tolist()
        return [section("landscape", columns, bars=["change"], note="; ".join(self.notes))]


def landscape(
    present: Present, directions: Any, *, span: float, steps: int, seed: int, normalise: Normalise
) -> Landscape:
    """Walk along directions; see `Desk.landscape`."""
    now = present.loss
    along, note = _directions(present, directions, seed, normalise)
    reach, count = number(span, "the span"), whole(steps, "the number of steps", least=2)
    if not 0 < reach < float("inf"):
        raise OptionError(f"the span must be a positive number, got {reach:g}")
    places = torch.linspace(-reach, reach, count, dtype=torch.float64)
    walk = Walk(present.state, along)
    found = [present.numbers(walk.to(*each)) for each in product(places.tolist(), repeat=len(along))]
    numbers = {
        name: torch.tensor([each[name] for each in found], dtype=torch.float64).reshape([count] * len(along))
        for name in present.scores
    }
    slopes = tuple(slope(present, each) for each in along)
    bottom = _bottom(places, numbers[LOSS], now)
    notes = note, "exact at every point"
    return Landscape(tuple(along), places, numbers[LOSS], numbers.get(ACCURACY), now, slopes, bottom, notes)


def _bottom(places: Tensor, losses: Tensor, now: float) -> tuple[tuple[float, ...], float] | None:
    if losses.ndim == 1:
        found = lowest(places, losses, torch.zeros_like(losses), (0.0, now))
        return None if found is None else ((found.value,), found.loss)
    point = lowest_point(losses)
    return None if point is None else (tuple(float(places[each]) for each in point), float(losses[point]))


def _directions(present: Present, asked: Any, seed: int, normalise: Normalise) -> tuple[list[Direction], str]:
    if normalise not in NORMALISATIONS:
        raise OptionError(f'normalise is "filter", "layer" or None, got {normalise!r}')
    if isinstance(asked, (Mapping, Sequence)) and not isinstance(asked, str):
        several = [asked] if isinstance(asked, Mapping) else list(asked)
        if len(several) not in (1, 2):
            raise OptionError(f"a landscape has one direction or two, got {len(several)}")
        return [given(each, present.state) for each in several], "directions as given"
    count = whole(asked, "the number of directions", least=1, most=2)
    first = whole(seed, "the seed", least=0)
    along = [drawn(present.state, first * 2 + place, normalise) for place in range(count)]
    how = {None: "not normalised", "filter": "normalised by filter", "layer": "normalised by parameter"}[
        normalise
    ]
    return along, f"random directions, seed {first}, {how}; biases and normalisation parameters stay"
