"""Which loss an output was given to, read off the gradient that came back.

Each loss pulls at its outputs in a way of its own: cross entropy of logits `o` with softmax(o) − y, a
negative log-likelihood at the label alone. The scale of the pull, which weights
and reductions change, plays no part. So the labels are found, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

_STAIRS: Final = 12  # rows that are in the order of their pull by chance once in 12!
_EXACT: Final = 1e-3  # 1 − cosine: rounding, and rows that were left out

Rows = Float64[Tensor, "rows classes"]


@dataclass(frozen=True)
class LossForm:
    """What the loss is, as far as its pull tells.

    Attributes:
        name: `cross_entropy`, `nll`, `log`, `bce_logits`, `bce` or `unknown`; with `_of_softmax` or
            `_of_sigmoid` behind it where such a function lies between the outputs and the loss.
        misfit: 1 − cosine between the pull and what this loss would give.
        labels: the class of each row, −1 where it was left out; empty where there are none.
        same: for one output a row: the pull is the same straight line in the output for all rows,
            as if each had the same target; 0 is exactly so.
        target: where that line puts the target.
    """

    name: str
    misfit: float
    labels: list[int]
    same: float = float("nan")
    target: float = float("nan")


def loss_form(outputs: Rows, gradient: Rows) -> LossForm:
    """Tell the loss from the outputs and the gradient by them.

    >>> outputs = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    >>> labels = torch.arange(8) % 3
    >>> (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, labels), outputs)
    >>> found = loss_form(outputs.detach(), gradient)
    >>> found.name, found.labels == labels.tolist()
    ('cross_entropy', True)
    """
    pulled = (gradient != 0).any(1)
    rows, pull = outputs[pulled], gradient[pulled]
    if len(rows) < 2 or not bool(torch.isfinite(pull).all() and torch.isfinite(rows).all()):
        return LossForm("unknown", float("nan"), [])
    labels = torch.full((len(outputs),), -1)
    best = _of_classes(rows, pull) if rows.shape[1] > 1 else _of_one(rows, pull)
    if best.labels:
        labels[pulled] = torch.tensor(best.labels)
    return LossForm(best.name, best.misfit, labels.tolist() if best.labels else [], best.same, best.target)


def _of_classes(rows: Rows, pull: Rows) -> LossForm:
    lowest = pull.argmin(1)
    one_hot = torch.nn.functional.one_hot(lowest, rows.shape[1]).double()
    alone = (pull != 0).sum(1) == 1
    if bool(alone.all()) and bool((pull <= 0).all()):
        values = pull.min(1).values.abs()
        spread = float(values.std() / values.mean()) if len(values) > 1 else 0.0
        return LossForm("nll" if spread < _EXACT else "log", spread, lowest.tolist())
    candidates = {"cross_entropy": rows.softmax(1) - one_hot}
    candidates |= _of_chances(rows, (pull < 0).double()) | _through_softmax(rows, pull)
    name, misfit = _closest(candidates, pull)
    if name == "unknown" and rows.shape[1] > 2 and _row_by_row(candidates["cross_entropy"], pull) < _EXACT:
        name = "cross_entropy"  # with a weight for each class
    return LossForm(name, misfit, lowest.tolist() if name == "cross_entropy" else [])


def _through_softmax(rows: Rows, pull: Rows) -> dict[str, Rows]:
    """Losses of probabilities that lie behind the outputs: the pull at these, times the slope of softmax."""
    chances = rows.softmax(1)
    wanted = torch.nn.functional.one_hot((pull / chances.clamp_min(1e-30)).argmin(1), rows.shape[1]).double()

    def back(pulled: Rows) -> Rows:
        return chances * (pulled - (pulled * chances).sum(1, keepdim=True))

    return {
        "cross_entropy_of_softmax": back(chances.softmax(1) - wanted),
        "nll_of_softmax": back(-wanted),
    }


def _of_chances(rows: Rows, wanted: Rows) -> dict[str, Rows]:
    """Binary cross entropy of logits, of a sigmoid behind them, and of probabilities where these are some."""
    chances = rows.sigmoid()
    found = {
        "bce_logits": chances - wanted,
        "bce_logits_of_sigmoid": (chances.sigmoid() - wanted) * chances * (1 - chances),
    }
    if bool((rows > 0).all() and (rows < 1).all()):
        found["bce"] = (rows - wanted) / (rows * (1 - rows))
    return found


def _of_one(rows: Rows, pull: Rows) -> LossForm:
    binary = (pull < 0).double()
    name, misfit = _closest(_of_chances(rows, binary), pull)
    if name == "unknown":
        return LossForm(name, misfit, [], *_sameness(rows[:, 0], pull[:, 0]))
    return LossForm(name, misfit, binary[:, 0].long().tolist())


def _row_by_row(expected: Rows, pull: Rows) -> float:
    """The misfit where each row may have a scale of its own."""
    sizes = pull.norm(dim=1)
    cosines = torch.nn.functional.cosine_similarity(expected, pull, dim=1)
    return 1.0 - float((sizes * cosines).sum() / sizes.sum())


def _closest(candidates: dict[str, Rows], pull: Rows) -> tuple[str, float]:
    def misfit(expected: Rows) -> float:
        lengths = float(expected.norm() * pull.norm())
        return 1.0 - float((expected * pull).sum()) / lengths if lengths else 1.0

    name, least = min(((name, misfit(each)) for name, each in candidates.items()), key=lambda pair: pair[1])
    return (name, least) if least < _EXACT else ("unknown", least)


def _sameness(outputs: Float64[Tensor, " rows"], pull: Float64[Tensor, " rows"]) -> tuple[float, float]:
    """How far the pull is from one that the output alone decides, and the output without pull.

    Squared errors pull along a straight line in the output, absolute ones up a staircase; both do so with one
    target for all only. NaN where no two outputs differ.
    """
    around, pulled = outputs - outputs.mean(), pull - pull.mean()
    if float(around.norm()) <= 1e-9 * (1e-30 + float(outputs.norm())) or not float(pulled.norm()):
        return float("nan"), float("nan")
    slope = (around * pulled).sum() / (around * around).sum()
    target = float(outputs.mean() - pull.mean() / slope)
    if len(outputs) >= _STAIRS and bool((pull[outputs.argsort()].diff() >= -1e-9 * pulled.abs().max()).all()):
        return 0.0, target
    return float((pulled - slope * around).norm() / pulled.norm()), target
