"""A table of the user's: one row an example, one column to be predicted, from the others or from a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from weightdesk.errors import DataError, closest
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.data.table_reading import read
from weightdesk.training.data.words import numbered

MOST_LABELS = 20  # whole numbers with more different values than this are amounts, not classes
MOST_CATEGORIES = 50  # a text column with more different texts than this is a name, not a category

_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
_TEXT = (pa.types.is_string, pa.types.is_large_string)


def load(place: Path, target: str | None, task: str | None = None, text: str | None = None) -> Dataset:
    """Return a table as numbers: numeric columns as they are, text columns one-hot.

    Text, true/false and whole numbers of at most 20 different values are classes to be told apart
    unless the task says otherwise; all other targets are amounts.

    Arguments:
        place: `.csv`, `.tsv` or `.parquet`, or a folder with such files named `train` and `test`.
        target: name of the column to predict; its number from 1 where the file has no header.
        task: `classification` or `regression`, to overrule what the target column suggests.
        text: column of texts to predict it from, as rows of numbers of words; None: all columns but
            the target.

    Raises:
        DataError: the file cannot be read, a value is missing, or is text where numbers are needed.

    """
    asked = [each for each in (text, target) if each is not None]
    table, given_test = read(place, asked, others=text is None)
    if target is None:
        raise DataError(
            f"{place.name}: name the column to predict with --target: {closest('', table.column_names)}"
        )
    columns = {name: table[name].chunk(0) for name in table.column_names}
    wanted = columns.pop(target)
    if not columns:
        raise DataError(f"{place.name} has no column besides {target!r} to predict it from")
    return Dataset(
        **(_features(place, columns) if text is None else _texts(place, text, columns[text])),
        **_targets(place, target, wanted, task),
        given_test=given_test,
    )


def _texts(file: Path, name: str, column: pa.Array) -> dict[str, Any]:
    if not _holds(column, _TEXT):
        raise DataError(
            f"{file.name}: column {name!r} holds {column.type}, no texts; name another with --text"
        )
    inputs, tokens = numbered(column.to_pylist())
    return {"inputs": inputs, "tokens": tokens}


def _features(file: Path, columns: Mapping[str, pa.Array]) -> dict[str, Any]:
    blocks = [_feature(file, name, column) for name, column in columns.items()]
    inputs = np.concatenate([block for block, _ in blocks], axis=1).astype(np.float32)
    names = tuple(name for _, of_block in blocks for name in of_block)
    return {"inputs": torch.from_numpy(inputs), "feature_names": names}


def _targets(file: Path, target: str, column: pa.Array, task: str | None) -> dict[str, Any]:
    if (task or _task(column)) == "regression":
        amounts = torch.from_numpy(_numbers(file, target, column).astype(np.float32)).unsqueeze(1)
        return {"targets": amounts, "task": "regression", "target_names": (target,)}
    class_names, labels = _labels(file, target, column)
    return {"targets": labels, "task": "classification", "class_names": class_names}


def _feature(file: Path, name: str, column: pa.Array) -> tuple[np.ndarray, tuple[str, ...]]:
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
        return np.asarray(_as_floats(file, name, column).to_numpy(zero_copy_only=False))
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


def _as_floats(file: Path, name: str, column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid:
        raise DataError(
            f"{file.name}: column {name!r} holds whole numbers beyond ±2⁵³, which numbers with a fraction "
            "cannot tell apart; remove the column if it holds identifiers, or scale it down"
        ) from None


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
