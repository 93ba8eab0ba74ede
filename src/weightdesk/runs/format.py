"""A run on disk, version 1: where everything lies and which columns the tables have.

```
run.json                              what was recorded (see `manifest.py`)
metrics/part-*.parquet                step, time, one float64 column per logged scalar
statistics/part-*.parquet             one row per (step, parameter, kind)
sampled/part-*.parquet                one row per (step, sampled weight)
passes/part-*.parquet                 one row per forward pass that was looked at
snapshots/00000128.safetensors        the state dict before step 128, under its own names
snapshots/00000128.extra.safetensors  `<name>@gradient`, `<name>@update`, `<name>@<optimizer state>` …
snapshots/00000128.partial.safetensors  some of the parameters, if there is no room for all of them
snapshots/00000000-00000063.rows64.safetensors  many steps of a small model, a row each
```

All of it opens without weightdesk: JSON, Parquet and safetensors. Step `s` is the state after `s`
optimizer steps; the gradient and the update of step `s` are those of the optimizer step that leads
from `s` to `s + 1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pyarrow as pa

FORMAT: Final = "weightdesk run"
VERSION: Final = 1

MAX_STEP: Final = 10**12
"""The highest step that a run can have: no training makes as many, and every reader can count so far."""

BESIDE_STATE: Final = frozenset({"gradient", "backward_gradient", "update"})
"""Of the entries `<name>@<key>` of a snapshot's extra file, those that are no state of the optimizer."""

MANIFEST: Final = "run.json"
METRICS: Final = "metrics"
STATISTICS: Final = "statistics"
SAMPLED: Final = "sampled"
PASSES: Final = "passes"
SNAPSHOTS: Final = "snapshots"

_NAME: Final = pa.dictionary(pa.int32(), pa.string())

STATISTICS_SCHEMA: Final = pa.schema(
    [
        ("step", pa.int64()),
        ("parameter", _NAME),  # a parameter's name; a module's name where kind is activation
        ("kind", _NAME),  # weight, gradient, update or activation
        ("count", pa.int64()),
        ("nonfinite", pa.int64()),  # NaN and infinities: counted here, left out of all columns below
        ("zeros", pa.int64()),  # exact zeros
        ("mean", pa.float64()),
        ("std", pa.float64()),  # of the population: divided by the count, not by the count minus one
        ("rms", pa.float64()),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("abs_mean", pa.float64()),
        ("abs_max", pa.float64()),
        ("histogram_bin", pa.list_(pa.int16())),  # see statistics/histogram.py
        ("histogram_count", pa.list_(pa.int64())),
        ("update_ratio", pa.float64()),  # kind update: rms of the update over rms of the weights before it
        ("sign_flips", pa.int64()),  # kind update: weights whose sign the update turned round
        ("saturated", pa.float64()),  # kind activation: share of outputs near a bound of the function
    ]
)
"""Rows are unique in (step, parameter, kind). Moments are NaN where no finite value was seen."""

SAMPLED_SCHEMA: Final = pa.schema(
    [
        ("step", pa.int64()),
        ("parameter", _NAME),
        ("index", pa.int64()),  # row-major place in the parameter: numpy.ravel_multi_index of its index
        ("weight", pa.float64()),
        ("gradient", pa.float64()),  # null where the weight had no gradient at this step
    ]
)
"""Rows are unique in (step, parameter, index)."""

_FLOATS: Final = pa.list_(pa.float32())

PASSES_SCHEMA: Final = pa.schema(
    [
        ("step", pa.int64()),
        ("training", pa.bool_()),  # the network was in training mode
        ("differentiable", pa.bool_()),  # gradients were being recorded
        ("backward", pa.bool_()),  # a backward pass came
        ("modal", pa.int64()),  # modules that differ by mode: dropout and batch normalisation
        ("modal_training", pa.int64()),  # of these, in training mode
        ("examples", pa.int64()),  # leading dimension of the first input
        ("input_float", pa.bool_()),
        ("input_mean", pa.float64()),  # of the kept numbers: at most 64 of each of the first 256 examples
        ("input_std", pa.float64()),
        ("input_max", pa.float64()),  # of the absolute values
        ("input_spread", pa.float64()),  # largest over smallest standard deviation of a feature
        ("input_nonfinite", pa.int64()),
        ("fingerprints", pa.list_(pa.int64())),  # of the first 256 examples: equal inputs, equal numbers
        ("features", _FLOATS),  # of the first 64 examples, `feature_count` numbers each
        ("feature_count", pa.int64()),
        ("output_shape", pa.list_(pa.int64())),
        ("output_min", pa.float64()),
        ("output_max", pa.float64()),
        ("output_sum_error", pa.float64()),  # how far rows are from a sum of 1
        ("output_log_error", pa.float64()),  # and their logsumexp from 0
        ("outputs", _FLOATS),  # of the first 64 rows, `output_count` numbers each
        ("output_count", pa.int64()),
        ("loss_form", pa.string()),  # what the gradient by the outputs says the loss is
        ("loss_misfit", pa.float64()),
        ("loss_same", pa.float64()),  # 0: each example is pulled to the same target
        ("loss_target", pa.float64()),  # this target
        ("labels", pa.list_(pa.int64())),  # that the loss pulls to; -1 for rows that it leaves out
        ("stale", pa.bool_()),  # gradients of the last step were still there
        ("graph", pa.string()),  # JSON: activations, and linear layers in a row
    ]
)
"""One row a forward pass of the network that was looked at."""

METRICS_COLUMNS: Final = (("step", pa.int64()), ("time", pa.float64()))
"""The fixed columns; `time` is seconds since the recording began. Scalars follow, one column each."""


@dataclass(frozen=True)
class TableFormat:
    """How the table in one folder of a run is laid out.

    Attributes:
        schema: the columns that it always has.
        order: columns by which a reader gets the rows sorted.
        part_order: columns by which merged parts are sorted, so that one series touches few row groups.
        open_ended: whether columns of the user's own follow, one float64 column each.
        paired: columns of lists that are as long as each other in every row.
        matrices: columns of lists that are matrices row by row, with the column that has the row's length.
    """

    schema: pa.Schema
    order: tuple[str, ...]
    part_order: tuple[str, ...]
    open_ended: bool = False
    paired: tuple[tuple[str, str], ...] = ()
    matrices: tuple[tuple[str, str], ...] = ()


_BY_STEP: Final = ("step",)

TABLES: Final[Mapping[str, TableFormat]] = MappingProxyType(
    {
        METRICS: TableFormat(pa.schema(METRICS_COLUMNS), _BY_STEP, _BY_STEP, open_ended=True),
        STATISTICS: TableFormat(
            STATISTICS_SCHEMA,
            order=("step", "parameter", "kind"),
            part_order=("kind", "parameter", "step"),
            paired=(("histogram_bin", "histogram_count"),),
        ),
        SAMPLED: TableFormat(
            SAMPLED_SCHEMA,
            order=("step", "parameter", "index"),
            part_order=("parameter", "index", "step"),
        ),
        PASSES: TableFormat(
            PASSES_SCHEMA,
            _BY_STEP,
            _BY_STEP,
            matrices=(("features", "feature_count"), ("outputs", "output_count")),
        ),
    }
)
"""Every table of a run by its folder: the one list that readers, writers and the disk budget go by."""


def snapshot_name(step: int) -> str:
    """Name of the snapshot's file inside the run.

    >>> snapshot_name(128)
    'snapshots/00000128.safetensors'
    """
    return f"{SNAPSHOTS}/{step:08d}.safetensors"


def extra_name(step: int) -> str:
    """Name of the file with the snapshot's gradients, updates and optimizer state.

    >>> extra_name(128)
    'snapshots/00000128.extra.safetensors'
    """
    return f"{SNAPSHOTS}/{step:08d}.extra.safetensors"


def partial_name(step: int) -> str:
    """Name of the file with some of the parameters, where not the whole state dict was kept.

    >>> partial_name(128)
    'snapshots/00000128.partial.safetensors'
    """
    return f"{SNAPSHOTS}/{step:08d}.partial.safetensors"


PIECES: Final = "pieces"
"""Folder with the parts of a snapshot that several processes write, until they are put together."""
CAPTURE: Final = "capture"
"""Folder with results of `weightdesk capture` that took a while."""

_PART: Final = r"part-(?:r\d+-)?\d{8,}-\d{8,}\.parquet"
_FILES: Final = {
    "": r"run\.json|\.lease",
    **dict.fromkeys(TABLES, _PART),
    SNAPSHOTS: r"\d{8,}(?:(?:\.(?:extra|partial))?|-\d{8,}\.rows\d+)\.safetensors",
    PIECES: r"\d{8,}-(?:weights|step)-r\d+\.safetensors",
    CAPTURE: r"[a-z]+(?:[_-][a-z]+)*-[0-9a-f]{16}\.safetensors",
}
"""By folder, the names of the files in it. A file is written as `.<name>.<8 hex digits>` and renamed when
it is complete; the first of these names is left behind if the process dies meanwhile."""
_PATTERNS: Final = {
    folder: re.compile(rf"(?:{names})|\.(?:{names})\.[0-9a-f]{{8}}", re.ASCII)
    for folder, names in _FILES.items()
}

FOLDERS: Final = tuple(folder for folder in _FILES if folder)
"""The folders inside a run."""


def is_run_file(name: str) -> bool:
    """Whether the format names such a file; whatever else lies in a run's folder belongs to its user.

    >>> is_run_file("snapshots/00000128.safetensors"), is_run_file("snapshots/mine.safetensors")
    (True, False)
    >>> is_run_file("metrics/.part-00000003-00000003.parquet.9e388389")  # its writer died
    True
    """
    folder, slash, file = name.rpartition("/")
    pattern = _PATTERNS.get(folder) if folder or not slash else None
    return pattern is not None and pattern.fullmatch(file) is not None
