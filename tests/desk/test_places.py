from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_edits import HEAD, PLACES, masks, speaker, state_of
from torch import Tensor, nn

from weightdesk.desk.heads import Head
from weightdesk.desk.parts import Span, entries_of
from weightdesk.desk.places import Place, place_in
from weightdesk.desk.state import State, parameters_of
from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError
from weightdesk.runs import Parameter, Parameters

FC = Parameters([Parameter("fc.weight", (10, 64), "float32"), Parameter("fc.bias", (10,), "float32")])


def meant(place: Place, state: State, *, outputs: bool = False) -> dict[str, Tensor]:
    """Masks of the weights that a place means, from its parts."""
    place = place.within(state.parameters)
    parts = place.outputs(state.parameters) if outputs else place.parts(state.parameters)
    found = {
        part.parameter: torch.zeros_like(state.values[part.parameter], dtype=torch.bool) for part in parts
    }
    for part in parts:
        part.of(found[part.parameter]).fill_(True)
    return found


@pytest.mark.parametrize("text", [*PLACES, HEAD])
@pytest.mark.parametrize("outputs", [False, True])
def test_a_place_means_what_numpy_says(text: str, outputs: bool) -> None:
    state = state_of()
    found = meant(Place.parse(text), state, outputs=outputs)
    expected = masks(text, dict(state.values), outputs=outputs)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("text", [*PLACES, HEAD])
def test_a_place_comes_back_from_its_text(text: str) -> None:
    place = Place.parse(text)
    assert str(place) == text
    within = place.within(state_of().parameters)
    assert Place.parse(str(within)) == within
    assert within.within(state_of().parameters) == within


def entries(size: int) -> st.SearchStrategy[int | slice]:
    ends = st.none() | st.integers(-size - 2, size + 2)
    return st.integers(-size - 2, size + 2) | st.builds(slice, ends, ends, st.none() | st.integers(1, 3))


@given(first=entries(5), second=entries(4), deep=st.integers(0, 2))
def test_any_index_is_pythons_index_or_an_error(first: int | slice, second: int | slice, deep: int) -> None:
    given_index = (first, second)[:deep]
    weights = np.arange(20).reshape(5, 4)
    parameters = Parameters([Parameter("w", (5, 4), "float32")])
    place = Place("w", entries_of(given_index))
    assert Place.parse(str(place)) == place
    inside = all(
        -size <= each < size
        if isinstance(each, int)
        else all(end is None or -size <= end <= size for end in (each.start, each.stop))
        for each, size in zip(given_index, weights.shape, strict=False)
    )
    if not inside or not weights[given_index].size:
        with pytest.raises(IndexRangeError, match=r"w of shape \(5, 4\)"):
            place.within(parameters)
        return
    (part,) = place.within(parameters).parts(parameters)
    chosen = part.of(torch.from_numpy(weights)).numpy()
    np.testing.assert_array_equal(chosen, weights[given_index])
    rows = set((chosen // 4).flatten().tolist())
    assert part.rows == rows or (part.rows is None and rows == set(range(5)))


def test_the_forms_of_python() -> None:
    assert str(Place.of("fc.weight", (3, 17))) == "fc.weight[3,17]"
    assert str(Place.of("fc.weight", [3, slice(None, 8)])) == "fc.weight[3,:8]"
    assert str(Place.of("conv1", np.int64(5))) == "conv1[5]"  # type: ignore[arg-type]
    assert str(Place.of("conv1", torch.tensor(5))) == "conv1[5]"
    assert str(Place.of("proj.weight", (slice(None), slice(64, 128)))) == "proj.weight[:,64:128]"
    assert str(Place.of("w", slice(0, 8, 2))) == "w[0:8:2]"
    assert str(Place.of(None)) == "*"
    assert Place.of("w", Span(1, 2)) == Place.parse("w[1:2]")


@pytest.mark.parametrize("unit", ["x", 1.5, (1, 2.5), [None]])
def test_what_is_no_unit(unit: object) -> None:
    with pytest.raises(
        OptionError, match="a unit of fc is a whole number, a slice, several of these or a Head"
    ):
        Place.of("fc", unit)  # type: ignore[arg-type]


def test_slices_go_forward() -> None:
    with pytest.raises(OptionError, match="the step of a slice must be 1 or more, got -1"):
        Place.of("fc", slice(None, None, -1))


@pytest.mark.parametrize(
    "text",
    ["", "  ", "[3]", "fc[", "fc[]", "fc[3]]", "fc[1,]", "fc[a]", "fc[head x]", "fc[1:2:0]", "a b", "fc[1]x"],
)
def test_what_names_no_weights(text: str) -> None:
    with pytest.raises(OptionError, match=r"write fc.weight\[3,17\], conv1\[5\]"):
        Place.parse(text)


def test_spaces_do_not_matter() -> None:
    assert Place.parse(" fc.weight [ 3 , 1 : 4 ] ") == Place("fc.weight", (3, Span(1, 4)))
    assert Place.parse("attn[ head  2 / 8 ]") == Place("attn", Head(2, 8))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "fc.wieght[3]",
            UnknownParameterError,
            "no parameter or module 'fc.wieght'; did you mean fc.weight?",
        ),
        ("fcc[3]", UnknownParameterError, "no parameter or module 'fcc'; did you mean fc?"),
        (
            "fc.weight[3,64]",
            IndexRangeError,
            r"\[3,64\] lies outside fc.weight of shape \(10, 64\): expected \[0…9, 0…63\]",
        ),
        ("fc.weight[-11]", IndexRangeError, r"lies outside fc.weight of shape \(10, 64\)"),
        ("fc.weight[0,0,0]", IndexRangeError, r"lies outside fc.weight of shape \(10, 64\)"),
        ("fc.weight[:,60:70]", IndexRangeError, r"\[:,60:70\] lies outside fc.weight of shape \(10, 64\)"),
        ("fc.weight[5:5]", IndexRangeError, r"\[5:5\] of fc.weight of shape \(10, 64\) is empty"),
        ("fc.weight[0:0]", IndexRangeError, r"\[0:0\] of fc.weight of shape \(10, 64\) is empty"),
        ("fc[10]", IndexRangeError, r"lies outside fc.weight of shape \(10, 64\)"),
        ("fc[3,4]", OptionError, r"\[3,4\] of fc is no unit; expected one number, or name fc.weight"),
        ("*[3]", OptionError, "the network holds no weights itself; name one of the layers in it"),
        ("fc[head 8/8]", IndexRangeError, "head 8 does not exist in fc: expected 0…7"),
        ("fc[head 1]", OptionError, r"fc does not tell how many heads it has; write Head\(1, of=8\)"),
        (
            "fc[head 1/7]",
            OptionError,
            "fc.weight of shape .* cannot hold 7 heads: axis 1 must be a multiple of 7",
        ),
        ("fc.bias[head 1/2]", UnknownParameterError, "fc.bias has no heads that are known"),
    ],
)
def test_errors_name_what_was_meant(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Place.parse(text).within(FC)


def test_layers_with_parameters_of_several_lengths_have_no_units() -> None:
    uneven = nn.LSTM(3, 4, proj_size=2)
    with pytest.raises(OptionError, match="has no units: its parameters differ in length"):
        Place("", (1,)).within(parameters_of(uneven))


def test_all_units_of_a_layer_are_what_it_holds_itself() -> None:
    state = state_of()
    assert meant(Place.parse("attn[:]"), state).keys() == {"attn.in_proj_weight", "attn.in_proj_bias"}
    assert len(meant(Place.parse("attn"), state)) == 4


def test_a_model_knows_its_heads() -> None:
    assert str(place_in(speaker(), "attn", Head(1))) == HEAD
    assert str(place_in(speaker(), "attn", Head(1, of=4))) == "attn[head 1/4]"
    assert str(place_in(speaker(), "fc.weight", (3, 1))) == "fc.weight[3,1]"


def test_heads_with_keys_and_values_of_other_widths() -> None:
    attn = nn.MultiheadAttention(8, 2, kdim=6, vdim=4, add_bias_kv=True)
    found = meant(Place("", Head(1, 2)), State.of(attn))
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "q_proj_weight": 4 * 8,
        "k_proj_weight": 4 * 6,
        "v_proj_weight": 4 * 4,
        "in_proj_bias": 12,
        "bias_k": 4,
        "bias_v": 4,
        "out_proj.weight": 8 * 4,
    }


def test_the_units_of_a_transposed_convolution_are_not_its_rows() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(4, 4, 3))
    with pytest.raises(OptionError, match=r"name 0.weight\[:,2\] and 0.bias\[2\]"):
        place_in(model, "0", 2)
    assert str(place_in(model, "0.weight", 2)) == "0.weight[2]"


def test_a_weight_tied_within_one_layer_is_meant_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.ones(3))
            self.b = self.a

    assert len(meant(Place("", (1,)), State.of(Twice()))) == 1
