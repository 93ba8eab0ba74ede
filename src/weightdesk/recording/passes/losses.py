"""Which loss an output was given to, read off the gradient that came back.

Each loss pulls at its outputs in a way of its own: cross entropy of logits `o` with softmax(o) − y, a
negative log-likelihood at the label alone. The scale of the pull, which weights
and reductions change, plays no part. So the labels are found, too.

All of it is NumPy, and none of it BLAS: it runs in the writing thread, where the first parallel
operation of torch would open a second team of threads and slow down every operation of the training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

_STAIRS: Final = 12  # rows that are in the order of their pull by chance once in 12!
_EXACT: Final = 1e-3  # 1 − cosine: rounding, and rows that were left out
_ROUNDING: Final = 1e-9  # 1 − cosine of the same pull in float32: measured up to 1e-13
_CLEARLY: Final = 1e-2
"""A squared error with one target fits so much better than a loss of two classes with one label, which near
0 pulls along almost the same straight line: measured in float32, 1e-15 beside 4e-7 to 1e-5."""

Rows = Float64[np.ndarray, "rows classes"]
Column = Float64[np.ndarray, " rows"]


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

    >>> import torch
    >>> outputs = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    >>> labels = torch.arange(8) % 3
    >>> (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, labels), outputs)
    >>> form = loss_form(outputs.detach().numpy(), gradient.numpy())
    >>> form.name, form.labels == labels.tolist()
    ('cross_entropy', True)
    """
    pulled = (gradient != 0).any(1)
    # one class after the other in memory: reductions over few classes are several times faster so
    rows, pull = (np.asfortranarray(each[pulled]) for each in (outputs, gradient))
    if len(rows) < 2 or not (np.isfinite(pull).all() and np.isfinite(rows).all()):
        return LossForm("unknown", float("nan"), [])
    # an overflow or 0/0 is a candidate that does not fit, and no fault
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        best = _of_classes(rows, pull) if rows.shape[1] > 1 else _of_one(rows, pull)
    if not best.labels:
        return best
    labels = np.full(len(outputs), -1)
    labels[pulled] = best.labels
    return LossForm(best.name, best.misfit, labels.tolist(), best.same, best.target)


def _of_classes(rows: Rows, pull: Rows) -> LossForm:
    lowest = pull.argmin(1)
    alone = (pull != 0).sum(1) == 1
    if alone.all() and (pull <= 0).all():
        values = np.abs(pull.min(1))
        spread = float(values.std(ddof=1) / values.mean())
        return LossForm("nll" if spread < _EXACT else "log", spread, lowest.tolist())
    chances = softmax(rows)
    candidates = {"cross_entropy": chances - _one_hot(lowest, rows)}
    candidates |= _of_chances(rows, (pull < 0).astype(float)) | _through_softmax(chances, pull)
    name, misfit = _closest(candidates, pull)
    if name == "unknown" and rows.shape[1] > 2 and _row_by_row(candidates["cross_entropy"], pull) < _EXACT:
        name = "cross_entropy"  # with a weight for each class
    return LossForm(name, misfit, lowest.tolist() if name == "cross_entropy" else [])


def _one_hot(classes: npt.NDArray[np.int64], rows: Rows) -> Rows:
    chosen = np.zeros_like(rows)
    chosen[np.arange(len(rows)), classes] = 1.0
    return chosen


def softmax(rows: Rows) -> Rows:
    """Probabilities of each row, as `torch.softmax(rows, 1)` gives them.

    >>> softmax(np.array([[0.0, 0.0], [1e4, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    powers = np.exp(rows - rows.max(1, keepdims=True))
    chances: Rows = powers / powers.sum(1, keepdims=True)
    return chances


def sigmoid(rows: Rows) -> Rows:
    """1 / (1 + exp(−x)), as `torch.sigmoid` gives it, without an overflow.

    >>> sigmoid(np.array([[0.0, -1e4]])).tolist()
    [[0.5, 0.0]]
    """
    small = np.exp(-np.abs(rows))
    chances: Rows = np.where(rows < 0, small, 1.0) / (1.0 + small)
    return chances


def _through_softmax(chances: Rows, pull: Rows) -> dict[str, Rows]:
    """Losses of probabilities that lie behind the outputs: the pull at these, times the slope of softmax."""
    wanted = _one_hot((pull / np.maximum(chances, 1e-30)).argmin(1), chances)

    def back(pulled: Rows) -> Rows:
        through: Rows = chances * (pulled - (pulled * chances).sum(1, keepdims=True))
        return through

    return {
        "cross_entropy_of_softmax": back(softmax(chances) - wanted),
        "nll_of_softmax": back(-wanted),
    }


def _of_chances(rows: Rows, wanted: Rows) -> dict[str, Rows]:
    """Binary cross entropy of logits, of a sigmoid behind them, and of probabilities where these are some."""
    chances = sigmoid(rows)
    pulls = {
        "bce_logits": chances - wanted,
        "bce_logits_of_sigmoid": (sigmoid(chances) - wanted) * chances * (1 - chances),
    }
    if (rows > 0).all() and (rows < 1).all():
        pulls["bce"] = (rows - wanted) / (rows * (1 - rows))
    return pulls


def _of_one(rows: Rows, pull: Rows) -> LossForm:
    binary = (pull < 0).astype(float)
    name, misfit = _closest(_of_chances(rows, binary), pull)
    if not misfit <= _ROUNDING:  # NaN is no fit, either
        same, target = _sameness(rows[:, 0], pull[:, 0])
        if name == "unknown" or _misfit(rows - target, pull) < _CLEARLY * misfit:
            return LossForm("unknown", misfit, [], same, target)
    return LossForm(name, misfit, binary[:, 0].astype(int).tolist())


def _row_by_row(expected: Rows, pull: Rows) -> float:
    """The misfit where each row may have a scale of its own."""
    sizes = np.sqrt(np.square(pull).sum(1))
    lengths = np.sqrt(np.square(expected).sum(1))
    along = (expected * pull).sum(1) / np.where(lengths > 0, lengths, 1.0)
    return 1.0 - float(along.sum() / sizes.sum())


def _closest(candidates: dict[str, Rows], pull: Rows) -> tuple[str, float]:
    misfits = {name: _misfit(expected, pull) for name, expected in candidates.items()}
    name = min(misfits, key=misfits.__getitem__)
    return (name, misfits[name]) if misfits[name] < _EXACT else ("unknown", misfits[name])


def _misfit(expected: Rows, pull: Rows) -> float:
    lengths = _norm(expected) * _norm(pull)
    return 1.0 - float((expected * pull).sum()) / lengths if lengths else 1.0


def _sameness(outputs: Column, pull: Column) -> tuple[float, float]:
    """How far the pull is from one that the output alone decides, and the output without pull.

    Squared errors pull along a straight line in the output, absolute ones up a staircase; both do so with one
    target for all only. NaN where no two outputs differ.
    """
    around, pulled = outputs - outputs.mean(), pull - pull.mean()
    if _norm(around) <= 1e-9 * (1e-30 + _norm(outputs)) or not _norm(pulled):
        return float("nan"), float("nan")
    slope = (around * pulled).sum() / (around * around).sum()
    target = float(outputs.mean() - pull.mean() / slope)
    ordered = pull[outputs.argsort(kind="stable")]
    if len(outputs) >= _STAIRS and (np.diff(ordered) >= -1e-9 * np.abs(pulled).max()).all():
        return 0.0, target
    return _norm(pulled - slope * around) / _norm(pulled), target


def _norm(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(values).sum()))
