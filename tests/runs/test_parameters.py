from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import IndexRangeError, RunFormatError, UnknownParameterError
from weightdesk.runs import Parameter, Parameters
from weightdesk.runs.parameters import read_parameters

CONV = Parameter("conv.weight", (8, 3, 5, 5), "float32")


@given(st.data())
def test_place_is_numpys(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), max_size=4).map(tuple))
    index = tuple(data.draw(st.integers(-size, size - 1)) for size in shape)
    parameter = Parameter("p", shape, "float32")
    positive = tuple(each % size for each, size in zip(index, shape, strict=True))
    assert parameter.index(index) == positive
    assert parameter.place(index) == (np.ravel_multi_index(positive, shape) if shape else 0)
    assert parameter.size == int(np.prod(shape, dtype=int))


def test_a_number_is_an_index_of_one_dimension() -> None:
    assert Parameter("b", (4,), "float32").index(-1) == (3,)
    assert Parameter("b", (4,), "float32").place(np.int32(2)) == 2


@pytest.mark.parametrize("index", [(8, 0, 0, 0), (-9, 0, 0, 0), (0, 0, 0), (0, 0, 0, 0, 0), 3, ()])
def test_an_index_outside_gives_shape_and_range(index: object) -> None:
    words = r"lies outside conv.weight of shape \(8, 3, 5, 5\): expected \(0…7, 0…2, 0…4, 0…4\)"
    with pytest.raises(IndexRangeError, match=words):
        CONV.index(index)  # type: ignore[arg-type]


def test_an_empty_parameter_has_no_index() -> None:
    with pytest.raises(IndexRangeError, match="none"):
        Parameter("e", (0, 3), "float32").index((0, 0))


def test_a_tied_parameter_answers_to_each_of_its_names() -> None:
    tied = Parameter("embed.weight", (8, 4), "float32", ("head.weight",))
    parameters = Parameters([CONV, tied])
    assert parameters["head.weight"] is parameters["embed.weight"] is tied
    assert list(parameters) == ["conv.weight", "embed.weight"]
    assert "head.weight" in parameters
    assert "x" not in parameters
    assert len(parameters) == 2
    assert repr(parameters) == "Parameters(2 with 632 weights)"


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    parameters = Parameters([CONV])
    with pytest.raises(
        UnknownParameterError, match=r"no parameter 'conv.wieght' .* did you mean conv.weight\?"
    ):
        parameters["conv.wieght"]
    assert parameters.get("conv.wieght") is None
    assert parameters.get("conv.weight") is CONV


@pytest.mark.parametrize(
    "listed", [[{"name": "w"}], ["w"], [{"name": "w", "shape": ["x"], "dtype": "float32"}]]
)
def test_a_damaged_list_is_a_format_error(listed: list[object]) -> None:
    with pytest.raises(RunFormatError, match=r"here/run.json is damaged: its list of parameters"):
        read_parameters({"parameters": listed}, "here/run.json")


def test_what_a_manifest_leaves_out_has_its_default() -> None:
    (found,) = read_parameters({"parameters": [{"name": "w", "shape": [2], "dtype": "float16"}]}, "").values()
    assert found == Parameter("w", (2,), "float16", (), True)
