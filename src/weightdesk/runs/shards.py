"""Statistics that several ranks took of their own shards, put together to those of the whole tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weightdesk.runs.format import STATISTICS_SCHEMA
from weightdesk.runs.rows import histogram_entries, sort_codes, sort_rows

_Array: TypeAlias = npt.NDArray[np.generic]
_Floats: TypeAlias = npt.NDArray[np.float64]

_KEYS = ("step", "parameter", "kind")


def merge_shards(table: pa.Table, sizes: Mapping[str, int]) -> pa.Table:
    """One row for each (step, parameter, kind) out of one row a rank.

    Counts, bins and extremes are exact; mean, std and rms are those of the pooled values (Chan,
    Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
    1979), so equal to the whole tensor's but for rounding.

    Args:
        table: rows of `STATISTICS_SCHEMA`; where it has updates, with the weights of the same steps.
        sizes: number of elements by parameter. A row that sums to fewer is left out: some rank had
            not written its part. Of what is not listed, activations, every rank must have a row.

    Returns:
        The merged rows, ordered by step, parameter and kind.

    >>> rows = [{"step": 0, "parameter": "w", "kind": "weight", "count": 2, "nonfinite": 0, "mean": m}
    ...         for m in (1.0, 3.0)]
    >>> table = pa.Table.from_pylist(rows, schema=STATISTICS_SCHEMA)
    >>> merge_shards(table, {"w": 4}).select(["count", "mean"]).to_pylist()
    [{'count': 4, 'mean': 2.0}]
    """
    if not table.num_rows:
        return table
    table = sort_rows(table, _KEYS)
    starts = _group_starts(table)
    merged = _merge_groups(table, starts)
    ranks = np.diff(np.append(starts, table.num_rows))
    merged = merged.filter(pa.array(_is_complete(merged, ranks, sizes)))
    return merged.select(STATISTICS_SCHEMA.names).cast(STATISTICS_SCHEMA)


def _group_starts(table: pa.Table) -> npt.NDArray[np.intp]:
    keys = np.stack([sort_codes(table.column(key)) for key in _KEYS])
    return np.flatnonzero(np.append(True, np.any(np.diff(keys), axis=0)))


@np.errstate(over="ignore", invalid="ignore")  # squares of the largest numbers are infinite
def _merge_groups(table: pa.Table, starts: npt.NDArray[np.intp]) -> pa.Table:
    weights = (_floats(table, "count") - _floats(table, "nonfinite")).clip(min=0)
    total = np.add.reduceat(weights, starts)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, table.num_rows)))

    def pooled(values: _Floats) -> _Floats:
        sums = np.add.reduceat(np.where(weights > 0, values * weights, 0.0), starts)
        return np.asarray(np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0))

    def extreme(column: str, choose: np.ufunc) -> _Floats:
        return np.asarray(choose.reduceat(_floats(table, column), starts), np.float64)

    def added(column: str) -> pa.Array:
        values = table.column(column)
        known = np.add.reduceat(values.is_valid().to_numpy(), starts, dtype=np.int64)
        sums = np.add.reduceat(values.fill_null(0).to_numpy(), starts)
        return pa.array(sums, mask=known == 0)

    mean = pooled(_floats(table, "mean"))
    spread = _floats(table, "std") ** 2 + (_floats(table, "mean") - mean[group]) ** 2
    rms = np.sqrt(pooled(_floats(table, "rms") ** 2))
    bins, counts = _merge_histograms(table, group, len(starts))
    saturated = pooled(_floats(table, "saturated"))
    columns: dict[str, object] = {
        **{key: table.column(key).take(starts) for key in _KEYS},
        **{name: added(name) for name in ("count", "nonfinite", "zeros", "sign_flips")},
        "mean": mean,
        "std": np.sqrt(pooled(spread)),
        "rms": rms,
        "min": extreme("min", np.fmin),
        "max": extreme("max", np.fmax),
        "abs_mean": pooled(_floats(table, "abs_mean")),
        "abs_max": extreme("abs_max", np.fmax),
        "histogram_bin": bins,
        "histogram_count": counts,
        "saturated": pa.array(saturated, mask=np.isnan(saturated)),
    }
    return _with_update_ratio(pa.table(columns))


def _merge_histograms(table: pa.Table, group: _Array, groups: int) -> tuple[pa.Array, pa.Array]:
    rows, codes, counts = histogram_entries(table)
    owner = group[rows]
    if not len(owner):
        empty = pa.array([[]] * groups, pa.list_(pa.int64()))
        return empty, empty
    order = np.lexsort([codes, owner])
    owner, codes, counts = owner[order], codes[order], counts[order]
    starts = np.flatnonzero(np.append(True, (np.diff(owner) != 0) | (np.diff(codes) != 0)))
    offsets = pa.array(np.searchsorted(owner[starts], np.arange(groups + 1)), pa.int32())
    totals = np.add.reduceat(counts, starts)
    return pa.ListArray.from_arrays(offsets, codes[starts]), pa.ListArray.from_arrays(offsets, totals)


def _with_update_ratio(table: pa.Table) -> pa.Table:
    """The ratio of the whole is not a mean of the shards' ratios: take it from both rms anew."""
    rms = table.column("rms").to_numpy()
    kinds = np.asarray(table.column("kind").to_pylist(), dtype=object)
    place = dict(zip(_tensors(table, kinds == "weight"), np.flatnonzero(kinds == "weight"), strict=True))
    ratio = np.full(len(kinds), np.nan)
    updates = np.flatnonzero(kinds == "update")
    for row, tensor in zip(updates, _tensors(table, kinds == "update"), strict=True):
        if tensor in place:
            with np.errstate(divide="ignore", invalid="ignore"):  # weights may all be zero
                ratio[row] = rms[row] / rms[place[tensor]]
    return table.append_column("update_ratio", pa.array(ratio, mask=np.isnan(ratio)))


def _tensors(table: pa.Table, mask: _Array) -> list[tuple[int, str]]:
    rows = table.select(["step", "parameter"]).filter(pa.array(mask))
    return list(zip(rows.column("step").to_pylist(), rows.column("parameter").to_pylist(), strict=True))


def _is_complete(table: pa.Table, ranks: _Array, sizes: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    names = table.column("parameter").to_pylist()
    most: dict[str, int] = {}
    for name, rows in zip(names, ranks.tolist(), strict=True):
        most[name] = max(most.get(name, 0), rows)
    counts = table.column("count").fill_null(0).to_pylist()
    seen = zip(names, counts, ranks.tolist(), strict=True)
    whole = [count >= sizes[name] if name in sizes else rows == most[name] for name, count, rows in seen]
    return np.asarray(whole, dtype=bool)


def _floats(table: pa.Table, column: str) -> _Floats:
    return np.asarray(table.column(column).to_numpy(), np.float64)
