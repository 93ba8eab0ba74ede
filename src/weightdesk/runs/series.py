"""One statistic of one parameter over the steps, without reading the rest of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from jaxtyping import Float64, Int64, Shaped
from torch import Tensor

from weightdesk.errors import OptionError, closest
from weightdesk.runs.format import STATISTICS_SCHEMA
from weightdesk.runs.rows import sort_rows
from weightdesk.runs.shards import merge_shards
from weightdesk.runs.tables import PartReader
from weightdesk.types import Kind

_KINDS: Final = get_args(Kind)
_NUMBERS: Final = [each.name for each in list(STATISTICS_SCHEMA)[3:] if not pa.types.is_list(each.type)]


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """One statistic at every step where it was taken, in ascending order.

    >>> Series("w, weight: rms", torch.tensor([0, 5]), torch.tensor([0.75, 0.25], dtype=torch.float64))
    Series(w, weight: rms: 2 steps 0 … 5, 0.75 → 0.25)
    """

    name: str
    steps: Int64[Tensor, " steps"]
    values: Float64[Tensor, " steps"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}: {summary(self.steps, self.values)})"


def summary(steps: Int64[Tensor, " steps"], values: Shaped[Tensor, " steps"]) -> str:
    """Length and ends of a series, for people.

    >>> summary(torch.tensor([0, 5]), torch.tensor([0.75, 0.25]))
    '2 steps 0 … 5, 0.75 → 0.25'
    """
    if not len(steps):
        return "no steps"
    ends = f"{values[0].item():.4g} → {values[-1].item():.4g}"
    return f"{len(steps)} steps {int(steps[0])} … {int(steps[-1])}, {ends}"


def read_series(
    table: PartReader, sizes: Mapping[str, int], parameter: str, kind: str, column: str
) -> Series:
    """Read the rows of one parameter and kind, and of them one column.

    Args:
        table: the statistics.
        sizes: number of elements by parameter, to put the shards of several ranks together.
        parameter: a recorded parameter; a module where the kind is `activation`.
        kind: what the rows describe.
        column: which number; it comes as float64, NaN where it is null.

    Raises:
        OptionError: there is no such kind, or no such column of numbers.

    >>> from weightdesk.runs.stores import open_store
    >>> reader = PartReader(open_store("memory://series"), "statistics")
    >>> read_series(reader, {}, "w", "gradient", "rms")
    Series(w, gradient: rms: no steps)
    """
    if kind not in _KINDS:
        raise OptionError(f"no statistics of kind {kind!r}; {closest(kind, _KINDS)}")
    if column not in _NUMBERS:
        raise OptionError(f"no numbers {column!r} in the statistics; {closest(column, _NUMBERS)}")
    if table.is_sharded():  # the ratio of an update needs the weights too, so read all kinds
        rows = merge_shards(table.read(STATISTICS_SCHEMA, where={"parameter": parameter}), sizes)
        rows = rows.filter(pc.equal(rows.column("kind"), kind))
    else:
        where = {"kind": kind, "parameter": parameter}  # in the order that merged parts are sorted by
        rows = sort_rows(table.read(STATISTICS_SCHEMA, columns=["step", column], where=where), ("step",))
    steps, values = (np.array(rows.column(name).to_numpy()) for name in ("step", column))
    return Series(
        f"{parameter}, {kind}: {column}", torch.from_numpy(steps), torch.from_numpy(values.astype(np.float64))
    )
