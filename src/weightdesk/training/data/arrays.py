"""A `.npz` file with inputs and targets as NumPy arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

from weightdesk.errors import DataError
from weightdesk.training.data.dataset import Dataset, Task
from weightdesk.training.memory import refuse_larger_data

_INPUTS = ("inputs", "x", "X")
_TARGETS = ("targets", "y", "Y", "labels")


def load(file: Path, task: str | None = None) -> Dataset:
    """Return the arrays `inputs` and `targets` (or `x` and `y`) of a `.npz` file.

    Whole numbers in one dimension are labels unless the task says regression; the optional array
    `class_names` names the classes.

    Raises:
        DataError: the file cannot be read, an array is missing, or is not of numbers.

    """
    arrays = _read(file)
    inputs = _numbers(file, arrays, _INPUTS)
    targets = _numbers(file, arrays, _TARGETS)
    whole = targets.ndim == 1 and bool(np.all(np.mod(targets, 1) == 0))
    integers = targets.dtype.kind in "iub"
    inferred: Task = "classification" if integers and targets.ndim == 1 else "regression"
    if (task or inferred) == "regression":
        amounts = _tensor(targets).flatten(1)
        names = tuple(f"target {k + 1}" for k in range(amounts.shape[1]))
        return Dataset(inputs=_tensor(inputs), targets=amounts, task="regression", target_names=names)
    if not whole:
        raise DataError(f"{file} must hold whole numbers in one dimension as labels, got other targets")
    return Dataset(
        inputs=_tensor(inputs),
        targets=torch.from_numpy(targets.astype(np.int64)),
        task="classification",
        class_names=_class_names(file, arrays, targets),
    )


def _tensor(array: np.ndarray) -> torch.Tensor:
    column = array.reshape(-1, 1) if array.ndim == 1 else array
    return torch.from_numpy(np.ascontiguousarray(column, dtype=np.float32))


def _class_names(file: Path, arrays: dict[str, np.ndarray], labels: np.ndarray) -> tuple[str, ...]:
    if "class_names" in arrays:
        return tuple(str(each) for each in np.atleast_1d(arrays["class_names"]))
    known = np.unique(labels)
    if not np.array_equal(known, np.arange(len(known))):
        raise DataError(
            f"labels of {file} are out of range: {len(known)} classes must be numbered 0 to "
            f"{len(known) - 1}, got {known.min():g} to {known.max():g}; "
            "renumber them or add the array class_names"
        )
    return tuple(str(each) for each in range(len(known)))


def _read(file: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(file) as archive:
            refuse_larger_data(file, sum(each.file_size for each in archive.infolist()))
        with file.open("rb") as stream:  # numpy leaves a file open that it cannot read
            return dict(np.load(stream, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"cannot read {file} as arrays of numbers: {reason}") from error


def _numbers(file: Path, arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    name = next((each for each in names if each in arrays), None)
    if name is None:
        raise DataError(
            f"{file} has no array {' or '.join(names)}, it has {', '.join(sorted(arrays)) or 'none'}"
        )
    if arrays[name].dtype.kind not in "iubf" or arrays[name].ndim == 0:
        raise DataError(f"array {name} of {file} must hold numbers, got {arrays[name].dtype}")
    return arrays[name]
