"""From passes to rows of a run's table, in the writing thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from weightdesk.recording.passes.losses import LossForm, loss_form
from weightdesk.recording.passes.seen import SeenPass
from weightdesk.runs.format import PASSES_SCHEMA

_FEATURES: Final = 16  # numbers of an input that are kept as they are
_ROWS: Final = 64  # examples of which they are kept


def passes_table(passes: Sequence[SeenPass]) -> pa.Table:
    """One row a pass, with the columns of `PASSES_SCHEMA`."""
    return pa.Table.from_pylist([_row(each) for each in passes], schema=PASSES_SCHEMA)


def _row(seen: SeenPass) -> dict[str, Any]:
    form, outputs = LossForm("unknown", float("nan"), []), seen.outputs.cpu().double()
    if seen.gradient is not None:
        form = loss_form(outputs, seen.gradient.cpu().double())
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
        **_input_facts(seen.inputs),
        **_output_facts(outputs, seen),
    }


def _input_facts(inputs: Tensor | None) -> dict[str, Any]:
    if inputs is None:
        return {}
    is_float = inputs.is_floating_point()
    values = inputs.cpu().double().numpy()
    finite = np.isfinite(values)
    kept = values[finite]
    spreads = values.std(0) if finite.all() else np.zeros(0)
    varied = spreads[spreads > 0]
    return {
        "input_float": is_float,
        "input_mean": float(kept.mean()) if kept.size else float("nan"),
        "input_std": float(kept.std()) if kept.size else float("nan"),
        "input_max": float(np.abs(kept).max()) if kept.size else float("nan"),
        "input_spread": float(varied.max() / varied.min()) if len(varied) > 1 else 1.0,
        "input_nonfinite": int((~finite).sum()),
        "fingerprints": fingerprints(values).tolist(),
        "features": values[:_ROWS, :_FEATURES].astype(np.float32).ravel().tolist(),
        "feature_count": min(_FEATURES, values.shape[1]),
    }


def _output_facts(outputs: Tensor, seen: SeenPass) -> dict[str, Any]:
    facts: dict[str, Any] = {"output_shape": list(seen.shape)}
    if not outputs.numel():
        return facts
    return facts | {
        "output_min": float(outputs.min()),
        "output_max": float(outputs.max()),
        "output_sum_error": float((outputs.sum(1) - 1).abs().max()),
        "output_log_error": float(torch.logsumexp(outputs, 1).abs().max()),
        "outputs": outputs[:_ROWS, :_FEATURES].float().ravel().tolist(),
        "output_count": min(_FEATURES, outputs.shape[1]),
    }


def fingerprints(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """A number for each example that another one hardly shares; the same bits give the same number.

    >>> first, again, other = fingerprints(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])).tolist()
    >>> first == again, first == other
    (True, False)
    """
    bits = np.ascontiguousarray(values.astype(np.float32)).view(np.uint32).astype(np.uint64)
    found = np.full(len(bits), 1469598103934665603, np.uint64)
    for column in bits.T:  # FNV-1a, number by number
        found = (found ^ column) * np.uint64(1099511628211)
        found ^= found >> np.uint64(29)
    return found.view(np.int64)
