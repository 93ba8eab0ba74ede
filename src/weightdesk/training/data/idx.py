"""A folder in the format of MNIST: big-endian arrays with their shape in the header, `.gz` or not."""

from __future__ import annotations

import gzip
import math
import zlib
from io import BufferedReader
from pathlib import Path

import numpy as np
import torch

from weightdesk.errors import DataError
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.memory import refuse_larger_data

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(file: Path) -> np.ndarray:
    """Return the array of one IDX file.

    Raises:
        DataError: the file cannot be read, or is no IDX file, or is cut short.

    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            return _array(file, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {file}: {error}") from error


def _array(file: Path, stream: gzip.GzipFile | BufferedReader) -> np.ndarray:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise DataError(
            f"{file} is no IDX file: it must begin with 00 00, a type and the number of dimensions"
        )
    sizes = stream.read(4 * start[3])
    shape = tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))
    dtype = np.dtype(_TYPES[start[2]])
    promised = dtype.itemsize * math.prod(shape)
    refuse_larger_data(file, promised)
    # One byte more than promised tells a file that is too long; what unpacks without end is not followed.
    content = stream.read(promised + 1)
    if len(sizes) != 4 * start[3] or len(content) != promised:
        raise DataError(
            f"{file} is damaged: its header promises an array of shape {shape}, its length differs"
        )
    return np.frombuffer(content, dtype).reshape(shape)


def load(folder: Path) -> Dataset:
    """Return pictures and labels of `train-…` and, where given, of `t10k-…` or `test-…` as test data.

    Raises:
        DataError: a file is missing, damaged, or of another length than its partner.

    """
    pictures, labels = _part(folder, "train")
    test = next((part for part in ("t10k", "test") if _find(folder, part, "images")), None)
    classes, given_test = int(labels.max(initial=0)) + 1, 0
    if test is not None:
        more_pictures, more_labels = _part(folder, test)
        if more_pictures.shape[1:] != pictures.shape[1:]:
            raise DataError(
                f"{folder}: pictures must be of one size, got {pictures.shape[1:]} to train on and "
                f"{more_pictures.shape[1:]} to test on"
            )
        given_test = len(more_pictures)
        pictures, labels = np.concatenate([pictures, more_pictures]), np.concatenate([labels, more_labels])
    return Dataset(
        inputs=torch.from_numpy(pictures.astype(np.float32) / 255).unsqueeze(1),
        targets=torch.from_numpy(labels.astype(np.int64)),
        task="classification",
        class_names=tuple(str(each) for each in range(classes)),
        given_test=given_test,
    )


def _part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for what, dimensions in (("images", 3), ("labels", 1)):
        file = _find(folder, part, what)
        if file is None:
            raise DataError(f"{folder} has no file {part}-{what}-idx{dimensions}-ubyte, with or without .gz")
        array = read_idx(file)
        if array.ndim != dimensions:
            raise DataError(f"{file} must hold an array of {dimensions} dimensions, got shape {array.shape}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise DataError(
            f"{folder}: {part} has {len(arrays[0])} pictures and {len(arrays[1])} labels; each needs one"
        )
    return arrays[0], arrays[1]


def _find(folder: Path, part: str, what: str) -> Path | None:
    return next((each for each in sorted(folder.glob(f"{part}-{what}*ubyte*")) if each.is_file()), None)
