"""The loss as a function of two weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from weightdesk.desk.places import Unit
from weightdesk.desk.sweeps.exactly import slope_along
from weightdesk.desk.sweeps.line import Line, line
from weightdesk.desk.sweeps.lowest import lowest_point
from weightdesk.desk.sweeps.present import ACCURACY, LOSS, Present
from weightdesk.desk.sweeps.sweep import turns_of
from weightdesk.desk.sweeps.weight import Weight, one_weight, values_of
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

Swept: TypeAlias = tuple[str, Unit] | tuple[str, Unit, Any]
"""A weight by name and index, and its values: numbers, how many, or left out."""

_USUAL = 11


@dataclass(frozen=True, eq=False)
class Surface(Page):
    """Loss and accuracy for values of two weights, all others as they are.

    Attributes:
        weights: which ones.
        values: of the first, and of the second.
        losses: a row for each value of the first.
        accuracy: the same; None where targets are no classes.
        error: of each loss: so far off at most, 95 of 100 times; 0 where it is exact.
        exact: which points were computed on the whole probe set.
        value: the present ones.
        loss: the present loss.
        slopes: of the loss at present by each of the two, as autograd gives them.
        notes: how it was done, a line each.
    """

    weights: tuple[str, str]
    values: tuple[Float64[Tensor, " first"], Float64[Tensor, " second"]]
    losses: Float64[Tensor, "first second"]
    accuracy: Float64[Tensor, "first second"] | None
    error: Float64[Tensor, "first second"]
    exact: Bool[Tensor, "first second"]
    value: tuple[float, float]
    loss: float
    slopes: tuple[float, float]
    notes: tuple[str, ...]

    @property
    def lowest(self) -> tuple[float, float, float] | None:
        """Both values and the loss at the lowest of the points; None where no loss is finite."""
        point = lowest_point(self.losses)
        if point is None:
            return None
        (first, second), at = self.values, self.losses[point]
        return float(first[point[0]]), float(second[point[1]]), float(at)

    @property
    def title(self) -> str:
        """The weights, where they are, and where the loss is lowest."""
        where = f"{self.weights[0]} is {self.value[0]:.4g}, {self.weights[1]} {self.value[1]:.4g}"
        bottom = "no finite loss"
        if self.lowest is not None:
            bottom = "lowest at {:.4g}, {:.4g}: {:.6g}".format(*self.lowest)
        slopes = ", ".join(f"{each:+.3g}" for each in self.slopes)
        return f"{where}, loss {self.loss:.6g}, slopes {slopes}; {bottom}"

    def sections(self) -> list[Section]:
        """A row for each point."""
        first, second = (each.flatten() for each in torch.meshgrid(*self.values, indexing="ij"))
        columns = {
            self.weights[0]: first.tolist(),
            self.weights[1]: second.tolist(),
            "loss": self.losses.flatten().tolist(),
            "change": (self.losses.flatten() - self.loss).tolist(),
            "error": self.error.flatten().tolist(),
            "exact": self.exact.flatten().tolist(),
        }
        if self.accuracy is not None:
            columns["accuracy"] = self.accuracy.flatten().tolist()
        return [section("surface", columns, bars=["change"], note="; ".join(self.notes))]


def surface(present: Present, first: Swept, second: Swept, *, exact: bool, turns: float) -> Surface:
    """Sweep the second weight for each value of the first; see `Desk.surface`."""
    checked, now = turns_of(turns), present.loss
    (one, outer, said), (two, inner, also) = (_asked(present, each) for each in (first, second))
    if (one.parameter, one.index) == (two.parameter, two.index):
        raise OptionError(f"a surface is that of two weights, got {one} twice; desk.sweep takes one")
    lines = [_line(present, one, value, two, inner, exact=exact, turns=checked) for value in outer.tolist()]
    accuracy = [each.numbers[ACCURACY] for each in lines if ACCURACY in each.numbers]
    notes = dict.fromkeys([said, also, *(note for each in lines for note in each.notes)])
    return Surface(
        (str(one), str(two)),
        (outer, inner),
        torch.stack([each.numbers[LOSS] for each in lines]),
        torch.stack(accuracy) if accuracy else None,
        torch.stack([each.errors[LOSS] for each in lines]),
        torch.stack([each.exact for each in lines]),
        (one.value(present.state), two.value(present.state)),
        now,
        (slope_along(present, one)[0], slope_along(present, two)[0]),
        tuple(each for each in notes if each),
    )


def _asked(present: Present, swept: Swept) -> tuple[Weight, Tensor, str]:
    if not isinstance(swept, (tuple, list)) or len(swept) not in (2, 3):
        raise OptionError(f"a surface takes (name, index, values) twice, got {swept!r}")
    weight = one_weight(present.model, present.state, swept[0], swept[1])
    given = swept[2] if len(swept) == 3 else None
    known = present.state.values[weight.parameter]
    values, said = values_of(_USUAL if given is None else given, known, weight.value(present.state))
    return weight, values, f"{weight}: {said}" if said else ""


def _line(
    present: Present, one: Weight, value: float, two: Weight, inner: Tensor, *, exact: bool, turns: float
) -> Line:
    there = present
    if value != one.value(present.state):
        there = present.at(one.turned(present.state, value))
    return line(there, two, inner, exact=exact, turns=turns, sloped=False)
