"""Tensors and parts of them out of safetensors files, each by one read at its known place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.runs.checksums import KEY, checksum, split_checksums
from weightdesk.runs.stores import Store
from weightdesk.runs.tensorfile import DTYPES

_HEADER_GUESS: Final = 1 << 16  # one read instead of two for most headers


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
            raise _damaged(self._store, name, f"it has no tensor {key}")
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
        content = self._store.read_range(name, offset, length)
        if len(content) != length:
            raise _damaged(self._store, name, "it ends too early")
        return content


def _read_header(store: Store, name: str) -> Header:
    start = store.read_range(name, 0, _HEADER_GUESS)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or length > store.size(name) - 8:
        raise _damaged(store, name, "it ends before its header does")
    text = start[8 : 8 + length]
    text += store.read_range(name, 8 + len(text), length - len(text))
    try:
        content = json.loads(text)
        metadata = content.pop("__metadata__", {})
        text_of_checksums = metadata.pop(KEY, None)
        checksums = {} if text_of_checksums is None else split_checksums(text_of_checksums, content)
        entries = {key: _entry(each, 8 + length, checksums.get(key)) for key, each in content.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(store, name, f"its header cannot be read ({error})") from None
    return Header(entries, metadata)


def _entry(content: Mapping[str, Any], data: int, checksum: str | None) -> Entry:
    dtype, shape = DTYPES[content["dtype"]], tuple(content["shape"])
    begin, end = content["data_offsets"]
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError("a tensor's length does not fit its shape")
    return Entry(dtype, shape, data + begin, end - begin, checksum)


def _damaged(store: Store, name: str, what: str) -> RunFormatError:
    return RunFormatError(
        f"{store.location}/{name} is damaged: {what}; "
        f"expected a safetensors file, remove it to read the rest of the run"
    )
