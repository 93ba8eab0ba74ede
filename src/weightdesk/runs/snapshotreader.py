"""Tensors and parts of them out of safetensors files, each by one read at its known place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeGuard

import torch
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.runs.checksums import KEY, checksum, split_checksums
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
    """Where a tensor lies in its file: `length` bytes from `offset` on, row-major.

    `checksum` is that of these bytes; None in files of before there were any.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int
    length: int
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file says of itself; checksums are with the entries, not in the metadata."""

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]

    def find(self, key: str) -> Entry | None:
        """The tensor of this name, or the one that it is tied to."""
        return self.entries.get(key) or self.entries.get(self.metadata.get(key, ""))


class SnapshotReader:
    """Reads tensors and parts of them; remembers the headers, for the files never change.

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
        """A copy of the whole tensor, whose checksum was found right if it has one."""
        entry = self.header(name).find(key)
        if entry is None:
            raise _damaged(self._store, name, f"it has no tensor {key!r}")
        return self.at(name, entry, key)

    def at(self, name: str, entry: Entry, key: str = "a tensor") -> Tensor:
        """A copy of what lies at a place in a file; `key` names it in an error."""
        content = bytearray(self.read(name, entry.offset, entry.length))
        if entry.checksum is not None and entry.checksum != checksum(content):
            raise _damaged(self._store, name, f"the values of {key} are not those that were written")
        if not content:
            return torch.empty(entry.shape, dtype=entry.dtype)
        return torch.frombuffer(content, dtype=entry.dtype).view(entry.shape)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Some bytes of a file."""
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
    checksums = split_checksums(metadata.pop(KEY), content) if KEY in metadata else {}
    entries = {
        key: _entry(key, described, (data, size), checksums.get(key)) for key, described in content.items()
    }
    placed = sorted((entry.offset, entry.length, key) for key, entry in entries.items() if entry.length)
    for (offset, length, key), (following, _, other) in pairwise(placed):
        if offset + length > following:
            raise ValueError(f"the tensors {key} and {other} overlap")
    return Header(entries, metadata)


def _entry(key: str, described: Any, bounds: tuple[int, int], checksum: str | None) -> Entry:
    """One tensor of a header; `bounds` are where the data begin and the size of the file."""
    data, size = bounds
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
    return Entry(DTYPES[dtype], tuple(shape), data + begin, end - begin, checksum)


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _damaged(store: Store, name: str, what: str) -> RunFormatError:
    return RunFormatError(f"{store.location}/{name} is damaged: {what}; expected {_EXPECTED}")
