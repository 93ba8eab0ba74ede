"""From what was measured to rows of the run's tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from weightdesk.recording.columns import lists, numbers, words
from weightdesk.recording.meter import Batch
from weightdesk.recording.sampling import Places, SampledSteps
from weightdesk.runs.format import METRICS_COLUMNS, SAMPLED_SCHEMA, STATISTICS_SCHEMA
from weightdesk.runs.rows import concatenate
from weightdesk.statistics import layout
from weightdesk.statistics.histogram import sparse
from weightdesk.statistics.measure import Measurements
from weightdesk.types import Step

Floats = npt.NDArray[np.float64]


class MetricsRow(NamedTuple):
    """Scalars logged at one step."""

    step: Step
    time: float
    values: dict[str, float | Tensor]


def statistics_table(batches: Sequence[Batch]) -> pa.Table:
    """One row a measured tensor, with the columns of `STATISTICS_SCHEMA`."""
    collected = [batch.found.collect() for batch in batches]
    totals = np.concatenate([_totals(*both) for both in zip(batches, collected, strict=True)])
    bins = np.concatenate([measured.histograms for measured in collected])
    lengths = [len(batch.names) for batch in batches]
    finite, nonfinite = totals[:, layout.COUNT], totals[:, layout.NONFINITE]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite > 0, totals[:, layout.MEAN], np.nan)
        variance = totals[:, layout.M2] / finite
        abs_mean = totals[:, layout.ABS_SUM] / finite
    low = np.where(finite > 0, totals[:, layout.MIN], np.nan)
    high = np.where(finite > 0, totals[:, layout.MAX], np.nan)
    rms = np.sqrt(mean**2 + variance)
    is_update = np.repeat([batch.kind == "update" for batch in batches], lengths)
    codes, counts, offsets = sparse(bins)
    saturated = np.repeat([_number(batch.saturated) for batch in batches], lengths)
    columns = [
        numbers(np.repeat([batch.step for batch in batches], lengths)),
        _names([name for batch in batches for name in batch.names]),
        _names([batch.kind for batch in batches for _ in batch.names]),
        numbers((finite + nonfinite).astype(np.int64)),
        numbers(nonfinite.astype(np.int64)),
        numbers(totals[:, layout.ZEROS].astype(np.int64)),
        numbers(mean),
        numbers(np.sqrt(variance)),
        numbers(rms),
        numbers(low),
        numbers(high),
        numbers(abs_mean),
        numbers(np.maximum(np.abs(low), np.abs(high))),
        lists(offsets, codes),
        lists(offsets, counts),
        numbers(_update_ratios(batches, rms), valid=is_update),
        numbers(totals[:, layout.SIGN_FLIPS].astype(np.int64), valid=is_update),
        numbers(saturated, valid=~np.isnan(saturated)),
    ]
    return pa.Table.from_arrays(columns, schema=STATISTICS_SCHEMA)


def sampled_table(blocks: Sequence[SampledSteps]) -> pa.Table:
    """One row a sampled weight and step, with the columns of `SAMPLED_SCHEMA`."""
    groups = [list(group) for _, group in groupby(blocks, key=lambda block: id(block.held))]
    return concatenate([_sampled_rows(group[0].held, group) for group in groups])


def _sampled_rows(places: Places, blocks: Sequence[SampledSteps]) -> pa.Table:
    """Rows of blocks that have the same weights."""
    lengths = [len(each) for each in places.values()]
    owners = np.repeat(np.arange(len(places), dtype=np.int32), lengths)
    steps = np.concatenate([block.steps[: block.count] for block in blocks])
    values = np.concatenate([block.fetch() for block in blocks])
    missing = np.concatenate([np.tile(block.without_gradient, block.count) for block in blocks])
    columns = [
        numbers(np.repeat(steps, len(owners))),
        words(np.tile(owners, len(steps)), list(places)),
        numbers(np.tile(np.concatenate([np.zeros(0, np.int64), *places.values()]), len(steps))),
        numbers(values[:, : len(owners)].ravel()),
        numbers(values[:, len(owners) :].ravel(), valid=~missing),
    ]
    return pa.Table.from_arrays(columns, schema=SAMPLED_SCHEMA)


def metrics_table(rows: Sequence[MetricsRow]) -> pa.Table:
    """One row a step, one column a scalar, in the order in which they were first logged."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    columns = [numbers(np.array([row.step for row in rows])), numbers(np.array([row.time for row in rows]))]
    for name in names:
        values = np.array([_number(row.values.get(name)) for row in rows])
        columns.append(numbers(values, valid=np.array([name in row.values for row in rows])))
    return pa.Table.from_arrays(columns, [name for name, _ in METRICS_COLUMNS] + names)


def _names(names: Sequence[str]) -> pa.Array:
    vocabulary = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return words(np.array([vocabulary[name] for name in names], np.int32), list(vocabulary))


def _totals(batch: Batch, measured: Measurements) -> Floats:
    """Totals of a batch, with the zeros that sparse gradients leave out."""
    totals = measured.totals
    if batch.zeros is None or not any(batch.zeros):
        return totals
    totals = totals.copy()
    zeros = np.asarray(batch.zeros, np.float64)
    count = totals[:, layout.COUNT]
    together = np.maximum(count + zeros, 1)
    totals[:, layout.M2] += totals[:, layout.MEAN] ** 2 * count * zeros / together
    totals[:, layout.MEAN] *= count / together
    totals[:, layout.COUNT] += zeros
    totals[:, layout.ZEROS] += zeros
    totals[:, layout.MIN] = np.where(zeros > 0, np.minimum(totals[:, layout.MIN], 0), totals[:, layout.MIN])
    totals[:, layout.MAX] = np.where(zeros > 0, np.maximum(totals[:, layout.MAX], 0), totals[:, layout.MAX])
    return totals


def _update_ratios(batches: Sequence[Batch], rms: Floats) -> Floats:
    """Root mean square of each update over that of the weights before it; NaN for other kinds."""
    ratios = np.full(len(rms), np.nan)
    before = [batch.weights.collect().totals for batch in batches if batch.weights is not None]
    if before:
        totals = np.concatenate(before)
        known = np.repeat(
            [batch.weights is not None for batch in batches], [len(batch.names) for batch in batches]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = totals[:, layout.M2] / totals[:, layout.COUNT]
            ratios[known] = rms[known] / np.sqrt(totals[:, layout.MEAN] ** 2 + variance)
    return ratios


def _number(value: float | Tensor | None) -> float:
    return np.nan if value is None else float(value)
