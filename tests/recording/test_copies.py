from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.recording.copies import SpareMemory, same_bits

FLOATS = st.floats(width=16) | st.sampled_from([0.0, -0.0, float("nan"), float("-inf")])
PAIRS = st.lists(st.tuples(FLOATS, FLOATS) | FLOATS.map(lambda each: (each, each)), max_size=6)


@given(PAIRS, st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]))
def test_bits_are_compared_as_the_bytes_would_be(
    pairs: list[tuple[float, float]], dtype: torch.dtype
) -> None:
    one = torch.tensor([each[0] for each in pairs], dtype=dtype)
    other = torch.tensor([each[1] for each in pairs], dtype=dtype)
    same = one.view(torch.uint8).tolist() == other.view(torch.uint8).tolist()
    assert same_bits(one, other) == same_bits(other, one) == same
    assert same_bits(one, one.clone())


def test_strides_make_no_difference_and_dtypes_do() -> None:
    pictures = torch.randn(2, 3, 4, 4)
    assert same_bits(pictures, pictures.to(memory_format=torch.channels_last))
    assert not same_bits(torch.zeros(2), torch.zeros(2, dtype=torch.float64))


def test_memory_that_does_not_fit_is_not_used() -> None:
    spare, wide = SpareMemory(), torch.ones(2, dtype=torch.float64)
    spare.reserve("w@gradient", torch.ones(2))
    assert torch.equal(spare.copy("w@gradient", wide), wide)


def test_a_copy_is_contiguous_and_of_its_own() -> None:
    table = torch.randn(4, 3).t()
    copy = SpareMemory().copy("w@gradient", table)
    assert copy.is_contiguous()
    assert torch.equal(copy, table)
    assert copy.data_ptr() != table.data_ptr()
