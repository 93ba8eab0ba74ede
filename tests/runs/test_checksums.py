"""Checksums tell every damage that a disk can do to a tensor."""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from weightdesk.runs.checksums import Checksum, checksum, join_checksums, split_checksums, tensor_checksum

LENGTHS = st.one_of(st.integers(0, 20), st.integers(4080, 4110), st.integers(8180, 20_000))


def reference(content: bytes) -> str:
    """By the description alone, with whole numbers of Python."""
    sums = b""
    whole = len(content) // 4096 * 4096
    for start in range(0, whole, 4096):
        words = words_of(content[start : start + 4096])
        sums += (sum(words) % 2**64).to_bytes(8, "little")
    return f"{zlib.crc32(sums + content[whole:]):08x}"


def words_of(block: bytes) -> list[int]:
    return [int.from_bytes(block[start : start + 8], "little") for start in range(0, 4096, 8)]


def content(length: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(length)


@given(LENGTHS, st.integers(0, 5))
def test_is_what_the_description_says(length: int, seed: int) -> None:
    assert checksum(content(length, seed)) == reference(content(length, seed))


@given(LENGTHS, st.lists(st.integers(0, 20_000), max_size=8))
def test_the_pieces_in_which_it_comes_do_not_matter(length: int, cuts: list[int]) -> None:
    whole = content(length, 0)
    pieces = Checksum()
    for start, stop in pairwise([0, *sorted(min(cut, length) for cut in cuts), length]):
        pieces.update(memoryview(whole)[start:stop])
    assert pieces.text() == checksum(whole)


@given(st.integers(1, 20_000), st.data())
def test_tells_zeros_cuts_and_bits(length: int, data: st.DataObject) -> None:
    whole = content(length, 1)
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    zeroed = whole[:start] + bytes(stop - start) + whole[stop:]
    assume(zeroed != whole)
    flipped = bytearray(whole)
    flipped[start] ^= 1 << data.draw(st.integers(0, 7))
    right = checksum(whole)
    assert checksum(zeroed) != right
    assert checksum(flipped) != right
    assert checksum(whole[:start]) != right
    assert checksum(whole + bytes(stop - start)) != right


def test_content_is_counted_in_bytes() -> None:
    words = np.arange(1000)
    assert checksum(words.data) == checksum(words.tobytes()) == reference(words.tobytes())


def test_tells_blocks_that_changed_places() -> None:
    whole = content(3 * 4096, 2)
    moved = whole[4096:8192] + whole[:4096] + whole[8192:]
    assert checksum(moved) != checksum(whole)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.bfloat16, torch.float8_e4m3fn, torch.int8, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (65, 129)])
def test_of_a_tensor_is_that_of_its_elements_in_row_major_order(
    dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    tensor = torch.rand(shape).mul(9).to(dtype)
    elements = bytes(tensor.flatten().view(torch.uint8).tolist())
    assert tensor_checksum(tensor) == checksum(elements)
    if len(shape) == 2:
        assert tensor_checksum(tensor.t().contiguous().t()) == checksum(elements)


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.from_regex(r"[0-9a-f]{8}", fullmatch=True))))
def test_come_back_out_of_the_metadata(checksums: dict[str, str | None]) -> None:
    text = join_checksums(checksums)
    assert len(text) == len(join_checksums(dict.fromkeys(checksums)))
    assert split_checksums(text, reversed(checksums)) == {
        name: value for name, value in checksums.items() if value is not None
    }
    with pytest.raises(ValueError, match="characters of checksums"):
        split_checksums(text + "0", checksums)
