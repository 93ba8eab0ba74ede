"""The loss as a function of one weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from weightdesk.desk.edits.edit import number
from weightdesk.desk.places import Unit
from weightdesk.desk.sweeps.line import line
from weightdesk.desk.sweeps.lowest import Lowest, lowest
from weightdesk.desk.sweeps.present import ACCURACY, LOSS, Present
from weightdesk.desk.sweeps.weight import one_weight, values_of
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

TURNS = 5.0


@dataclass(frozen=True, eq=False)
class Sweep(Page):
    """Loss and accuracy for values of one weight, all others as they are.

    Attributes:
        weight: which one, as `fc.weight[3,17]`.
        values: that it was given, in the order in which they were asked for; it took them
            rounded to its dtype.
        losses: at each of them; also such as are not finite.
        accuracy: at each of them; None where targets are no classes.
        error: of each loss: so far off at most, 95 of 100 times; 0 where it is exact.
        accuracy_error: the same of the accuracies.
        exact: which values were computed on the whole probe set.
        value: the present one.
        loss: the present loss.
        slope: of the loss at the present value, as autograd gives it.
        slope_error: how far the slope is off at most, 95 of 100 times; 0 where it is exact.
        lowest: the lowest point, between the values, too; None where no loss is a finite number.
        notes: how it was done, a line each.
        turns: how long it took, in turns to an exact loss; None where it took no turn at all.
    """

    weight: str
    values: Float64[Tensor, " values"]
    losses: Float64[Tensor, " values"]
    accuracy: Float64[Tensor, " values"] | None
    error: Float64[Tensor, " values"]
    accuracy_error: Float64[Tensor, " values"] | None
    exact: Bool[Tensor, " values"]
    value: float
    loss: float
    slope: float
    slope_error: float
    lowest: Lowest | None
    notes: tuple[str, ...]
    turns: float | None

    @property
    def title(self) -> str:
        """The weight, where it is, and where the loss is lowest."""
        bottom = "no finite loss" if self.lowest is None else str(self.lowest)
        return f"{self.weight} is {self.value:.4g}, loss {self.loss:.6g}, slope {self.slope:+.3g}; {bottom}"

    def sections(self) -> list[Section]:
        """A row for each value."""
        columns = {
            "value": self.values.tolist(),
            "loss": self.losses.tolist(),
            "change": (self.losses - self.loss).tolist(),
            "error": self.error.tolist(),
            "exact": self.exact.tolist(),
        }
        if self.accuracy is not None and self.accuracy_error is not None:
            columns |= {"accuracy": self.accuracy.tolist(), "accuracy error": self.accuracy_error.tolist()}
        return [section(f"sweep of {self.weight}", columns, bars=["change"], note="; ".join(self.notes))]


def sweep(present: Present, name: str, index: Unit, values: object, *, exact: bool, turns: float) -> Sweep:
    """Sweep one weight; see `Desk.sweep`."""
    checked = turns_of(turns)
    now = present.loss
    weight = one_weight(present.model, present.state, name, index)
    value = weight.value(present.state)
    asked, chosen = values_of(values, present.state.values[weight.parameter], value)
    found = line(present, weight, asked, exact=exact, turns=checked)
    losses, error = found.numbers[LOSS], found.errors[LOSS]
    slope, slope_error = found.slope or (torch.nan, 0.0)
    return Sweep(
        str(weight), asked, losses, found.numbers.get(ACCURACY), error, found.errors.get(ACCURACY),
        found.exact, value, now, slope, slope_error, lowest(asked, losses, error, (value, now)),
        (*((chosen,) if chosen else ()), *found.notes), found.turns,
    )  # fmt: skip


def turns_of(given: float) -> float:
    """A checked number of turns.

    Raises:
        OptionError: it is none, or less than 1.
    """
    turns = number(given, "turns")
    if not turns >= 1:
        raise OptionError(f"a sweep takes at least 1 turn's time, got turns={turns:g}")
    return turns
