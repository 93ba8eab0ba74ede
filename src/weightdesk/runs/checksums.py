"""Checksums of tensors: they tell zeros and cuts that a loss of power left from what was written.

The checksum of a tensor is the CRC-32 of two things one after the other: of its bytes, 4,096 at a time, the
sum of their little-endian unsigned 64-bit words modulo 2**64, itself as 8 little-endian bytes; then the
bytes behind the last whole 4,096. A CRC of all bytes would take six times as long (0.8 against 5 GB/s),
which is the time of the training's processor.

A file keeps them in its metadata under `checksums`: 8 characters a tensor, in the order of the tensors'
names by code points. As the length is known before the first tensor is written, a writer of streams puts
`join_checksums(dict.fromkeys(names))` into the header and the result over it at the end.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

Content: TypeAlias = bytes | bytearray | memoryview

KEY: Final = "checksums"
"""Name of the metadata entry."""

_BLOCK: Final = 4096  # bytes; the sums are then 1/512 of the data, so that their CRC takes no time
_WIDTH: Final = 8  # hexadecimal digits of a CRC-32
_NONE: Final = "-" * _WIDTH  # of a tensor that has none


class Checksum:
    """The checksum of content that comes in pieces of any length.

    >>> pieces = Checksum()
    >>> pieces.update(b"one tensor's "); pieces.update(b"bytes")
    >>> pieces.text() == checksum(b"one tensor's bytes")
    True
    """

    def __init__(self) -> None:
        self._crc = 0
        self._rest = b""

    def update(self, content: Content) -> None:
        """Add content that follows what was added so far."""
        data = memoryview(content)
        if not data.nbytes:
            return  # there is no view of no bytes
        data = data.cast("B")
        if self._rest:
            missing = _BLOCK - len(self._rest)
            self._rest += data[:missing]
            data = data[missing:]
            if len(self._rest) < _BLOCK:
                return
            self._crc = _add_blocks(self._rest, self._crc)
        whole = len(data) // _BLOCK * _BLOCK
        if whole:  # of none nothing would change, but of many small tensors it takes a while
            self._crc = _add_blocks(data[:whole], self._crc)
        self._rest = bytes(data[whole:])

    def text(self) -> str:
        """The checksum so far, 8 hexadecimal digits."""
        return f"{zlib.crc32(self._rest, self._crc):0{_WIDTH}x}"


def checksum(content: Content) -> str:
    """The checksum of some bytes.

    >>> checksum(b""), checksum(bytes(4096))
    ('00000000', '6522df69')
    """
    if memoryview(content).nbytes < _BLOCK:  # many small tensors are much work already
        return f"{zlib.crc32(content):0{_WIDTH}x}"
    whole = Checksum()
    whole.update(content)
    return whole.text()


def tensor_checksum(tensor: Shaped[Tensor, ...]) -> str:
    r"""The checksum of a tensor's elements in row-major order.

    >>> tensor_checksum(torch.tensor([[1, 256]], dtype=torch.int16)) == checksum(b"\x01\x00\x00\x01")
    True
    """
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return checksum(flat.view(torch.uint8).numpy().data)


def join_checksums(checksums: Mapping[str, str | None]) -> str:
    """The metadata entry for checksums by the tensors' names; None for a tensor that has none.

    >>> join_checksums({"weight": "0a1b2c3d", "bias": None})
    '--------0a1b2c3d'
    """
    return "".join(checksums[name] or _NONE for name in sorted(checksums))


def split_checksums(text: str, names: Iterable[str]) -> dict[str, str]:
    """The checksums of a metadata entry by the tensors' names; those that have none are left out.

    Raises:
        ValueError: the entry does not belong to as many tensors.

    >>> split_checksums("--------0a1b2c3d", ["weight", "bias"])
    {'weight': '0a1b2c3d'}
    """
    ordered = sorted(names)
    if len(text) != _WIDTH * len(ordered):
        raise ValueError(f"{len(text)} characters of checksums for {len(ordered)} tensors")
    parts = (text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))
    return {name: part for name, part in zip(ordered, parts, strict=True) if part != _NONE}


def _add_blocks(data: Content, crc: int) -> int:
    words = np.frombuffer(data, "<u8").reshape(-1, _BLOCK // 8)
    sums = np.add.reduce(words, axis=1, dtype=np.uint64)  # overflow is meant: modulo 2**64
    return zlib.crc32(sums.astype("<u8", copy=False).data, crc)
