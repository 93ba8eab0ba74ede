"""Tensors and single elements out of safetensors files, each by one read at its known place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeGuard

import torch
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.runs.door import reading
from weightdesk.runs.jsontext import MAX_BYTES, parse_json
from weightdesk.runs.runjson import MAX_WEIGHTS
from weightdesk.runs.stores import Store
from weightdesk.runs.tensorfile import DTYPES

_HEADER_GUESS: Final = 1 << 16  # one read instead of two for most headers
_DIMENSIONS: Final = 64  # of a tensor in torch
_EXPECTED: Final = "a safetensors file, remove it to read the rest of the run"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a tensor lies in its file: `length` bytes from `offset` on, row-major."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file says of itself."""

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]

    def find(self, key: str) -> Entry | None:
        """The tensor of this name, or the one that it is tied to."""
        return self.entries.get(key) or self.entries.get(self.metadata.get(key, ""))


class SnapshotReader:
    """Reads tensors and single elements; remembers the headers, for the files never change.

    A missing file raises `FileNotFoundError`, a damaged one `RunFormatError`.

    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://reader")
    >>> from weightdesk.runs.format import snapshot_name
    >>> from weightdesk.runs.snapshots import write_snapshot
    >>> _ = write_snapshot(store, 7, {"weight": torch.arange(6.0).view(2, 3)})
    >>> reader = SnapshotReader(store)
    >>> reader.tensor(snapshot_name(7), "weight")
    tensor([[0., 1., 2.],
            [3., 4., 5.]])
    >>> reader.elements([7], snapshot_name, "weight", 5)
    ([7], tensor([5.]))
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._headers: dict[str, Header] = {}

    def header(self, name: str) -> Header:
        """The file's header, read from it once."""
        header = self._headers.get(name)
        if header is None:
            header = self._headers[name] = _read_header(self._store, name)
        return header

    def tensor(self, name: str, key: str) -> Tensor:
        """A copy of the whole tensor."""
        entry = self.header(name).find(key)
        if entry is None:
            raise _damaged(self._store, name, f"it has no tensor {key!r}")
        content = bytearray(self._read(name, entry.offset, entry.length))
        if not content:
            return torch.empty(entry.shape, dtype=entry.dtype)
        return torch.frombuffer(content, dtype=entry.dtype).view(entry.shape)

    def elements(
        self, steps: Iterable[int], file: Callable[[int], str], key: str, place: int
    ) -> tuple[list[int], Tensor]:
        """One element at many steps: one small read a file, at the known offset.

        Args:
            steps: which steps to look at.
            file: gives the file's name by the step, such as `snapshot_name`.
            key: the tensor's name.
            place: the element's row-major place in the tensor.

        Returns:
            The steps that have the tensor, and its element at each of them.

        Raises:
            RunFormatError: a tensor is too small to have the element, or its dtype is not that of the others.
        """
        found: list[int] = []
        pieces: list[bytes] = []
        dtype = torch.float32
        for step in steps:
            name = file(step)
            try:
                entry = self.header(name).find(key)
                if entry is None:
                    continue
                if pieces and entry.dtype != dtype:
                    raise _damaged(self._store, name, f"{key!r} is {entry.dtype} there and {dtype} before")
                dtype = entry.dtype
                if (place + 1) * dtype.itemsize > entry.length:  # or a neighbour would be read
                    raise _damaged(
                        self._store, name, f"{key!r} has shape {entry.shape}, too small for the run"
                    )
                pieces.append(self._read(name, entry.offset + place * dtype.itemsize, dtype.itemsize))
            except FileNotFoundError:
                continue  # thinned away since the steps were listed
            found.append(step)
        content = bytearray(b"".join(pieces))
        return found, torch.frombuffer(content, dtype=dtype) if found else torch.empty(0, dtype=dtype)

    def _read(self, name: str, offset: int, length: int) -> bytes:
        try:
            content = self._store.read_range(name, offset, length)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _damaged(self._store, name, f"{error.strerror or error} while it was read") from None
        if len(content) != length:
            raise _damaged(self._store, name, "it ends too early")
        return content


def _read_header(store: Store, name: str) -> Header:
    with reading(store, name, _EXPECTED):
        size = store.size(name)
        start = store.read_range(name, 0, _HEADER_GUESS)
        length = int.from_bytes(start[:8], "little")
        if len(start) < 8 or length > size - 8:
            raise ValueError("it ends before its header does")
        if length > MAX_BYTES:
            raise ValueError(f"its header has {length:,} bytes, more than the {MAX_BYTES:,} that are read")
        text = start[8 : 8 + length]
        text += store.read_range(name, 8 + len(text), length - len(text))
        return _parse_header(text, 8 + length, size)


def _parse_header(text: bytes, data: int, size: int) -> Header:
    """The header of a file of `size` bytes whose tensors begin at the byte `data`."""
    content = parse_json(text)
    if not isinstance(content, dict):
        raise ValueError("its header is no JSON object")
    metadata = content.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are no texts by name")
    entries = {key: _entry(key, described, data, size) for key, described in content.items()}
    placed = sorted((entry.offset, entry.length, key) for key, entry in entries.items() if entry.length)
    for (offset, length, key), (following, _, other) in pairwise(placed):
        if offset + length > following:
            raise ValueError(f"the tensors {key} and {other} overlap")
    return Header(entries, metadata)


def _entry(key: str, described: Any, data: int, size: int) -> Entry:
    if not isinstance(described, dict):
        raise ValueError(f"its tensor {key} is not described by a JSON object")
    dtype, shape, ends = (described.get(name) for name in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"its tensor {key} has an unknown dtype")
    if not _are_sizes(shape) or len(shape) > _DIMENSIONS or not _are_sizes(ends) or len(ends) != 2:
        raise ValueError(f"its tensor {key} has no proper shape or place")
    if math.prod(max(1, side) for side in shape) > MAX_WEIGHTS:  # also if another side is 0
        raise ValueError(f"its tensor {key} is too large")
    begin, end = ends
    if end - begin != math.prod(shape) * DTYPES[dtype].itemsize:
        raise ValueError(f"the length of its tensor {key} does not fit the shape")
    if data + end > size:
        raise ValueError(f"it ends before its tensor {key} does")
    return Entry(DTYPES[dtype], tuple(shape), data + begin, end - begin)


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _damaged(store: Store, name: str, what: str) -> RunFormatError:
    return RunFormatError(f"{store.location}/{name} is damaged: {what}; expected {_EXPECTED}")
