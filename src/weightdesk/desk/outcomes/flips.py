"""Which examples are given another class than by the unedited network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Flips(Page):
    """Places whose predicted class changed, those whose margin moved most first.

    Attributes:
        examples: numbers of the examples in the probe set.
        places: where in the example, one column an axis: the token, the pixel; no column where an
            example has one prediction.
        truths: the right class.
        before: what the unedited network says; −1 where its outputs are no numbers.
        now: what the network says.
        changes: by how much the lead of the right class over the best other one grew.
        seen: how many places were compared.
    """

    examples: Int64[Tensor, " flips"]
    places: Int64[Tensor, "flips axes"]
    truths: Int64[Tensor, " flips"]
    before: Int64[Tensor, " flips"]
    now: Int64[Tensor, " flips"]
    changes: Float64[Tensor, " flips"]
    seen: int

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def lost(self) -> Bool[Tensor, " flips"]:
        """Which were right before."""
        return self.before == self.truths

    @property
    def gained(self) -> Bool[Tensor, " flips"]:
        """Which are right now."""
        return self.now == self.truths

    @property
    def title(self) -> str:
        """How many flipped."""
        gained, lost = int(self.gained.sum()), int(self.lost.sum())
        return f"{len(self)} of {self.seen} flipped: {gained} became right, {lost} wrong"

    def sections(self) -> list[Section]:
        """The flips, the largest change of margin first."""
        columns: dict[str, Any] = {"example": self.examples.tolist()}
        if self.places.shape[1]:
            columns["place"] = [str(tuple(each)) for each in self.places.tolist()]
        columns |= {"truth": self.truths.tolist(), "before": self.before.tolist(), "now": self.now.tolist()}
        columns["change of margin"] = self.changes.tolist()
        note = "margin: lead of the right class over the best other one, in units of the outputs"
        return [section("flipped", columns, bars=["change of margin"], note=note)]


def flips(
    examples: Int64[Tensor, " examples"],
    truths: Int64[Tensor, "examples ..."],
    before: tuple[Tensor, Tensor],
    now: tuple[Tensor, Tensor],
) -> Flips:
    """The places whose predicted class changed; those without a counted target are left out.

    Arguments:
        examples: numbers of the examples in the probe set.
        truths: the right classes.
        before: predictions and margins of the unedited network.
        now: those of the network.

    >>> margins = torch.tensor([0.5, 1.0]), torch.tensor([-0.25, 2.0])
    >>> classes = torch.tensor([0, 1]), torch.tensor([1, 1])
    >>> flips(torch.arange(2), torch.tensor([0, 1]), *zip(classes, margins)).title
    '1 of 2 flipped: 0 became right, 1 wrong'
    """
    counted = truths >= 0
    found = (counted & (before[0] != now[0])).nonzero()
    where = tuple(found.T)
    changes = (now[1] - before[1])[where].double()
    # What is no number, or infinite, changed most; equal changes stay in the order of the examples.
    order = changes.abs().nan_to_num(nan=torch.inf).argsort(descending=True, stable=True)
    columns = (examples.to(found.device)[found[:, 0]], found[:, 1:], truths[where])
    chosen = [each[order].cpu() for each in (*columns, before[0][where], now[0][where], changes)]
    return Flips(*chosen, int(counted.sum()))  # type: ignore[call-arg, arg-type]
