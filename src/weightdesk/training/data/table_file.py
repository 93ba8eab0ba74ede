"""A table of the user's: CSV or Parquet, one row an example, one column to be predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import torch

from weightdesk.errors import DataError, closest
from weightdesk.training.data.dataset import Dataset

MOST_LABELS = 20  # whole numbers with more different values than this are amounts, not classes
MOST_CATEGORIES = 50  # a text column with more different texts than this is a name, not a category

_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
_TEXT = (pa.types.is_string, pa.types.is_large_string)


def load(file: Path, target: str | None, task: str | None = None) -> Dataset:
    """Return a table as numbers: numeric columns as they are, text columns one-hot.

    Text, true/false and whole numbers of at most 20 different values are classes to be told apart
    unless the task says otherwise; all other targets are amounts.

    Arguments:
        file: `.csv`, `.tsv` or `.parquet`.
        target: name of the column to predict.
        task: `classification` or `regression`, to overrule what the target column suggests.

    Raises:
        DataError: the file cannot be read, a value is missing, or is text where numbers are needed.

    """
    table = _read(file)
    if target is None or target not in table.column_names:
        asked = (
            "name the column to predict with --target" if target is None else f"it has no column {target!r}"
        )
        raise DataError(f"{file.name}: {asked}: {closest(target or '', table.column_names)}")
    columns = {name: _complete(file, name, table[name]) for name in table.column_names}
    wanted = columns.pop(target)
    blocks = [_features(file, name, column) for name, column in columns.items()]
    if not blocks:
        raise DataError(f"{file.name} has no column besides {target!r} to predict it from")
    inputs = torch.from_numpy(np.concatenate([block for block, _ in blocks], axis=1).astype(np.float32))
    names = tuple(name for _, of_block in blocks for name in of_block)
    if (task or _task(wanted)) == "regression":
        amounts = torch.from_numpy(_numbers(file, target, wanted).astype(np.float32)).unsqueeze(1)
        return Dataset(
            inputs=inputs, targets=amounts, task="regression", feature_names=names, target_names=(target,)
        )
    class_names, labels = _labels(file, target, wanted)
    return Dataset(
        inputs=inputs, targets=labels, task="classification", feature_names=names, class_names=class_names
    )


def _read(file: Path) -> pa.Table:
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            table = pyarrow.parquet.read_table(file)
        else:
            delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
            table = pyarrow.csv.read_csv(
                file,
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
                convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
            )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the table {file}: {str(error).splitlines()[0]}") from error
    if len(set(table.column_names)) < len(table.column_names):
        raise DataError(f"{file.name} has two columns of one name; give each its own")
    if table.num_rows == 0:
        raise DataError(f"{file.name} has a header but no rows")
    return table


def _complete(file: Path, name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return the column in one piece, after making sure that no value is missing."""
    encoded = pa.types.is_dictionary(column.type)
    array = pa.concat_arrays([each.dictionary_decode() if encoded else each for each in column.chunks])
    missing = pc.is_null(array, nan_is_null=pa.types.is_floating(array.type)).to_numpy(zero_copy_only=False)
    if missing.any():
        more = f" and {missing.sum() - 1} more" if missing.sum() > 1 else ""
        raise DataError(
            f"{file.name}: column {name!r} has a missing value in row {missing.argmax() + 1}{more}; "
            "fill it or remove the row"
        )
    return array


def _features(file: Path, name: str, column: pa.Array) -> tuple[np.ndarray, tuple[str, ...]]:
    if not _is_text(column):
        return _numbers(file, name, column).reshape(-1, 1), (name,)
    categories, codes = np.unique(np.array(column.to_pylist(), dtype=object), return_inverse=True)
    if len(categories) > MOST_CATEGORIES:
        raise DataError(
            f"{file.name}: column {name!r} has {len(categories)} different texts, more than the "
            f"{MOST_CATEGORIES} that can be told apart as categories; remove the column"
        )
    return np.eye(len(categories))[codes], tuple(f"{name}={each}" for each in categories)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _holds(column: pa.Array, kinds: tuple[Callable[[pa.DataType], bool], ...]) -> bool:
    return any(is_kind(column.type) for is_kind in kinds)


def _is_text(column: pa.Array) -> bool:
    """Whether a column holds text; of mostly numbers, any text among them is a slip in the file."""
    return _holds(column, _TEXT) and sum(map(_is_number, column.to_pylist())) < len(column) / 2


def _numbers(file: Path, name: str, column: pa.Array) -> np.ndarray:
    if _holds(column, _NUMERIC):
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if not _holds(column, _TEXT):
        raise DataError(
            f"{file.name}: column {name!r} holds {column.type}, neither numbers nor text; remove the column"
        )
    for row, value in enumerate(column.to_pylist(), start=1):
        if not _is_number(value):
            raise DataError(
                f"{file.name}: column {name!r} has text where numbers are needed: {value!r} in row {row}; "
                "correct the value or remove the row"
            )
    return np.array([float(value) for value in column.to_pylist()])


def _task(column: pa.Array) -> str:
    kind = column.type
    labels = _is_text(column) or pa.types.is_boolean(kind)
    few = pa.types.is_integer(kind) and pc.count_distinct(column).as_py() <= MOST_LABELS
    return "classification" if labels or few else "regression"


def _labels(file: Path, target: str, column: pa.Array) -> tuple[tuple[str, ...], torch.Tensor]:
    values = np.array(column.to_pylist())
    classes, labels = np.unique(values, return_inverse=True)
    if len(classes) > len(values) / 2:
        raise DataError(
            f"{file.name}: column {target!r} has {len(classes)} different values in {len(values)} rows, too "
            "many to be classes; use --task regression if it holds amounts"
        )
    return tuple(str(each) for each in classes), torch.from_numpy(labels.astype(np.int64))
