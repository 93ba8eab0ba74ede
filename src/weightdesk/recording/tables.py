"""From what was measured to rows of the run's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from weightdesk.recording.meter import Batch
from weightdesk.recording.sampling import Samples
from weightdesk.runs.format import METRICS_COLUMNS, SAMPLED_SCHEMA, STATISTICS_SCHEMA
from weightdesk.statistics import kernels
from weightdesk.statistics.histogram import sparse
from weightdesk.types import ParameterName, Step

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SampledStep:
    """The sampled weights and gradients of one step; a gradient that does not exist is masked."""

    step: Step
    weights: Samples
    gradients: Samples
    without_gradient: npt.NDArray[np.bool_]


@dataclass
class MetricsRow:
    """Scalars logged at one step."""

    step: Step
    time: float
    values: dict[str, float | Tensor]


def statistics_table(batches: Sequence[Batch]) -> pa.Table:
    """One row a measured tensor, with the columns of `STATISTICS_SCHEMA`."""
    totals = np.concatenate([_totals(batch) for batch in batches])
    bins = np.concatenate([batch.found.collect().histograms for batch in batches])
    lengths = [len(batch.names) for batch in batches]
    finite, nonfinite = totals[:, kernels.COUNT], totals[:, kernels.NONFINITE]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite > 0, totals[:, kernels.MEAN], np.nan)
        variance = totals[:, kernels.M2] / finite
        abs_mean = totals[:, kernels.ABS_SUM] / finite
    low = np.where(finite > 0, totals[:, kernels.MIN], np.nan)
    high = np.where(finite > 0, totals[:, kernels.MAX], np.nan)
    rms = np.sqrt(mean**2 + variance)
    is_update = np.repeat([batch.kind == "update" for batch in batches], lengths)
    codes, counts, offsets = sparse(bins)
    columns = [
        np.repeat([batch.step for batch in batches], lengths),
        pa.array([name for batch in batches for name in batch.names]).dictionary_encode(),
        pa.array([batch.kind for batch in batches for _ in batch.names]).dictionary_encode(),
        (finite + nonfinite).astype(np.int64),
        nonfinite.astype(np.int64),
        totals[:, kernels.ZEROS].astype(np.int64),
        mean,
        np.sqrt(variance),
        rms,
        low,
        high,
        abs_mean,
        np.maximum(np.abs(low), np.abs(high)),
        pa.ListArray.from_arrays(offsets, codes),
        pa.ListArray.from_arrays(offsets, counts),
        pa.array(_update_ratios(batches, rms), mask=~is_update),
        pa.array(totals[:, kernels.SIGN_FLIPS].astype(np.int64), mask=~is_update),
        pa.array([_saturated(batch) for batch in batches for _ in batch.names], pa.float64()),
    ]
    return pa.table(dict(zip(STATISTICS_SCHEMA.names, columns, strict=True)), schema=STATISTICS_SCHEMA)


def sampled_table(
    places: Mapping[ParameterName, npt.NDArray[np.int64]], steps: Sequence[SampledStep]
) -> pa.Table:
    """One row a sampled weight and step, with the columns of `SAMPLED_SCHEMA`."""
    lengths = [len(each) for each in places.values()]
    owners = np.repeat(np.arange(len(places), dtype=np.int32), lengths)
    missing = np.concatenate([step.without_gradient for step in steps])
    columns = [
        np.repeat([step.step for step in steps], len(owners)),
        pa.DictionaryArray.from_arrays(np.tile(owners, len(steps)), pa.array(list(places), pa.string())),
        np.tile(np.concatenate(list(places.values())), len(steps)),
        np.concatenate([step.weights.fetch() for step in steps]),
        pa.array(np.concatenate([step.gradients.fetch() for step in steps]), mask=missing),
    ]
    return pa.table(dict(zip(SAMPLED_SCHEMA.names, columns, strict=True)), schema=SAMPLED_SCHEMA)


def metrics_table(rows: Sequence[MetricsRow]) -> pa.Table:
    """One row a step, one column a scalar, in the order in which they were first logged."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    (step, step_type), (time, time_type) = METRICS_COLUMNS
    columns = {
        step: pa.array([row.step for row in rows], step_type),
        time: pa.array([row.time for row in rows], time_type),
        **{name: pa.array([_number(row.values.get(name)) for row in rows], pa.float64()) for name in names},
    }
    return pa.table(columns)


def _totals(batch: Batch) -> Floats:
    """Totals of a batch, with the zeros that sparse gradients leave out."""
    totals = batch.found.collect().totals
    if batch.zeros is None or not any(batch.zeros):
        return totals
    totals = totals.copy()
    zeros = np.asarray(batch.zeros, np.float64)
    count = totals[:, kernels.COUNT]
    together = np.maximum(count + zeros, 1)
    totals[:, kernels.M2] += totals[:, kernels.MEAN] ** 2 * count * zeros / together
    totals[:, kernels.MEAN] *= count / together
    totals[:, kernels.COUNT] += zeros
    totals[:, kernels.ZEROS] += zeros
    totals[:, kernels.MIN] = np.where(
        zeros > 0, np.minimum(totals[:, kernels.MIN], 0), totals[:, kernels.MIN]
    )
    totals[:, kernels.MAX] = np.where(
        zeros > 0, np.maximum(totals[:, kernels.MAX], 0), totals[:, kernels.MAX]
    )
    return totals


def _update_ratios(batches: Sequence[Batch], rms: Floats) -> Floats:
    """Root mean square of each update over that of the weights before it; NaN for other kinds."""
    before = []
    for batch in batches:
        if batch.weights is None:
            before.append(np.full(len(batch.names), np.nan))
            continue
        totals = batch.weights.collect().totals
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = totals[:, kernels.M2] / totals[:, kernels.COUNT]
        before.append(np.sqrt(totals[:, kernels.MEAN] ** 2 + variance))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios: Floats = rms / np.concatenate(before)
    return ratios


def _number(value: float | Tensor | None) -> float | None:
    return None if value is None else float(value)


def _saturated(batch: Batch) -> float | None:
    return None if batch.saturated is None else float(batch.saturated)
