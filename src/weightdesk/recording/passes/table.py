"""From passes to rows of a run's table, in the writing thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.recording.columns import column
from weightdesk.recording.passes.losses import LossForm, loss_form
from weightdesk.recording.passes.seen import SeenPass
from weightdesk.runs.format import PASSES_SCHEMA

_FEATURES: Final = 16  # numbers of an input that are kept as they are
_ROWS: Final = 64  # examples of which they are kept


Values = Float64[np.ndarray, "examples numbers"]


def passes_table(passes: Sequence[SeenPass]) -> pa.Table:
    """One row a pass, with the columns of `PASSES_SCHEMA`."""
    inputs = [None if each.inputs is None else numbers_of(each.inputs) for each in passes]
    marks = _fingerprints_of(inputs)
    rows = [
        _row(seen) | _input_facts(seen, values, own)
        for seen, values, own in zip(passes, inputs, marks, strict=True)
    ]
    columns = [column([row.get(field.name) for row in rows], field.type) for field in PASSES_SCHEMA]
    return pa.Table.from_arrays(columns, schema=PASSES_SCHEMA)


def _row(seen: SeenPass) -> dict[str, Any]:
    form, outputs = LossForm("unknown", float("nan"), []), numbers_of(seen.outputs)
    if seen.gradient is not None:
        form = loss_form(outputs, numbers_of(seen.gradient))
    return {
        "step": seen.step,
        "training": seen.training,
        "differentiable": seen.differentiable,
        "backward": seen.gradient is not None,
        "modal_training": seen.modes[0],
        "modal": seen.modes[1],
        "examples": seen.examples,
        "stale": seen.stale,
        "loss_form": form.name,
        "loss_misfit": form.misfit,
        "loss_same": form.same,
        "loss_target": form.target,
        "labels": form.labels,
        "graph": json.dumps(seen.graph, default=float) if seen.graph else None,
        **_output_facts(outputs, seen),
    }


def numbers_of(tensor: Tensor) -> npt.NDArray[np.float64]:
    """A tensor's values in an array; waits for the device if it has to.

    >>> numbers_of(torch.tensor([0.5], dtype=torch.bfloat16))
    array([0.5])
    """
    values = tensor.detach().cpu()
    if values.dtype == torch.bfloat16:  # NumPy does not know it
        values = values.float()
    return values.numpy().astype(np.float64)


def _fingerprints_of(inputs: Sequence[Values | None]) -> list[npt.NDArray[np.int64] | None]:
    """Fingerprints of the examples of each pass; those of inputs of one size are computed together."""
    marks: list[npt.NDArray[np.int64] | None] = [None] * len(inputs)
    for width in {values.shape[1] for values in inputs if values is not None}:
        alike = [
            place for place, values in enumerate(inputs) if values is not None and values.shape[1] == width
        ]
        rows = [inputs[place] for place in alike]
        together = fingerprints(np.concatenate([values for values in rows if values is not None]))
        ends = np.cumsum([len(values) for values in rows if values is not None])
        for place, own in zip(alike, np.split(together, ends[:-1]), strict=True):
            marks[place] = own
    return marks


def _input_facts(
    seen: SeenPass, values: Values | None, marks: npt.NDArray[np.int64] | None
) -> dict[str, Any]:
    if seen.inputs is None or values is None:
        return {}
    finite = np.isfinite(values)
    kept = values if finite.all() else values[finite]
    spreads = values.std(0) if finite.all() else np.zeros(0)
    varied = spreads[spreads > 0]
    return {
        "input_float": seen.inputs.is_floating_point(),
        "input_mean": float(kept.mean()) if kept.size else float("nan"),
        "input_std": float(kept.std()) if kept.size else float("nan"),
        "input_max": float(np.abs(kept).max()) if kept.size else float("nan"),
        "input_spread": float(varied.max() / varied.min()) if len(varied) > 1 else 1.0,
        "input_nonfinite": int((~finite).sum()),
        "fingerprints": marks,
        "features": values[:_ROWS, :_FEATURES].ravel(),
        "feature_count": min(_FEATURES, values.shape[1]),
    }


def _output_facts(outputs: Float64[np.ndarray, "rows classes"], seen: SeenPass) -> dict[str, Any]:
    facts: dict[str, Any] = {"output_shape": list(seen.shape)}
    if not outputs.size:
        return facts
    shown, outputs = outputs[:_ROWS, :_FEATURES].ravel(), np.asfortranarray(outputs)
    return facts | {
        "output_min": float(outputs.min()),
        "output_max": float(outputs.max()),
        "output_sum_error": float(np.abs(outputs.sum(1) - 1).max()),
        "output_log_error": float(np.abs(log_sum(outputs)).max()),
        "outputs": shown,
        "output_count": min(_FEATURES, outputs.shape[1]),
    }


def log_sum(rows: Float64[np.ndarray, "rows classes"]) -> Float64[np.ndarray, " rows"]:
    """The logarithm of the sum of exponentials of each row, as `torch.logsumexp(rows, 1)` gives it.

    >>> log_sum(np.log([[0.25, 0.75]])).round(12).tolist()
    [0.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN and infinities pass through
        highest = rows.max(1, keepdims=True)
        highest = np.where(np.isfinite(highest), highest, 0.0)
        total: Float64[np.ndarray, " rows"] = np.log(np.exp(rows - highest).sum(1)) + highest[:, 0]
    return total


def fingerprints(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """A number for each example that another one hardly shares; the same bits give the same number.

    >>> first, again, other = fingerprints(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])).tolist()
    >>> first == again, first == other
    (True, False)
    """
    # one row a number, so that each step of the loop reads memory in a row
    bits = np.ascontiguousarray(values.astype(np.float32).T).view(np.uint32).astype(np.uint64)
    marks = np.full(bits.shape[1], 1469598103934665603, np.uint64)
    shifted = np.empty_like(marks)
    for number in bits:  # FNV-1a, number by number
        marks ^= number
        marks *= np.uint64(1099511628211)
        marks ^= np.right_shift(marks, np.uint64(29), out=shifted)
    return marks.view(np.int64)
