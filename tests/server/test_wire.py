from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from weightdesk.server.wire import ALIGNED, Bytes, Doubles, Floats, Integers, Message, pack, unpack


class Row(Message):
    name: str
    values: Floats


class Everything(Message):
    text: str
    number: float | None
    floats: Floats
    doubles: Doubles
    integers: Integers
    content: Bytes
    rows: tuple[Row, ...]
    by_name: dict[str, Row]


shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def floats(dtype: type[np.floating[Any]]) -> Any:
    width = np.finfo(dtype).bits
    return arrays.arrays(dtype, shapes, elements=st.floats(width=width, allow_nan=True, allow_infinity=True))


def is_same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Bit for bit, so that −0 and what is in a NaN count."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


@given(
    st.text(),
    floats(np.float32),
    floats(np.float64),
    arrays.arrays(np.int32, shapes),
    arrays.arrays(np.uint8, shapes),
    st.lists(floats(np.float32), max_size=3),
)
def test_what_is_packed_is_unpacked_bit_for_bit(
    text: str, single: Any, double: Any, integers: Any, content: Any, rows: list[Any]
) -> None:
    made = tuple(Row(name=f"{place}", values=each) for place, each in enumerate(rows))
    message = Everything(
        text=text, number=1.5, floats=single, doubles=double, integers=integers, content=content,
        rows=made, by_name={each.name: each for each in made},
    )  # fmt: skip
    found = unpack(pack(message))
    assert (found["text"], found["number"]) == (text, 1.5)
    pairs = [(single, "floats"), (double, "doubles"), (integers, "integers"), (content, "content")]
    assert all(is_same(each, found[name]) for each, name in pairs)
    assert all(is_same(each, row["values"]) for each, row in zip(rows, found["rows"], strict=True))
    assert all(is_same(rows[int(name)], row["values"]) for name, row in found["by_name"].items())


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf"), -0.0, 5e-324, 0.1])
def test_numbers_that_json_cannot_say_arrive(value: float) -> None:
    sent = np.array(value)

    class One(Message):
        value: Doubles

    assert is_same(unpack(pack(One(value=value)))["value"], sent)


@given(st.text(max_size=9), st.lists(st.integers(0, 5), max_size=4))
def test_every_array_is_aligned(text: str, sizes: list[int]) -> None:
    class Several(Message):
        text: str
        parts: tuple[Bytes, ...]

    packed = pack(Several(text=text, parts=tuple(np.arange(size) for size in sizes)))
    start = 4 + int.from_bytes(packed[:4], "little")
    offsets = [each["offset"] for each in json.loads(packed[4:start])["arrays"]]
    assert start % ALIGNED == 0
    assert len(packed) % ALIGNED == 0
    assert all(offset % ALIGNED == 0 for offset in offsets)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64])
def test_tensors_of_every_type_are_converted(dtype: torch.dtype) -> None:
    values = torch.tensor([[1, 2], [3, -4]], dtype=dtype, requires_grad=dtype.is_floating_point)
    found = unpack(pack(Row(name="", values=values.T)))["values"]
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 3], [2, -4]]


def test_the_same_message_has_the_same_bytes() -> None:
    row = Row(name="ä", values=torch.randn(3, 5))
    assert pack(row) == pack(row)
