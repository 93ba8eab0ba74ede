from __future__ import annotations

import copy
import weakref
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_edits import DTYPES, an_edit, same_bits, speaker, state_of
from torch import Tensor, nn

from weightdesk.desk.edits import Edit, Muting, Noise, Pruning, Scaling, Setting, Soloing
from weightdesk.desk.places import Place
from weightdesk.desk.state import State, parameters_of
from weightdesk.errors import IndexRangeError, UnknownParameterError

RANDOM = st.randoms(use_true_random=False)


def one_by_one(edits: list[Edit], dtype: torch.dtype) -> State:
    """The weights after the edits, from the originals on."""
    return state_of(dtype).with_edits(edits)


def assert_same(one: State, other: State) -> None:
    for name, tensor in one.values.items():
        assert same_bits(tensor, other.values[name]), name


def turned_anyhow(random: Random, state: State) -> State:
    """Another edit, a few taken away at the end or anywhere, or all."""
    edits = list(state.edits)
    what = random.random()
    if what < 0.6:
        return state.with_edit(an_edit(random))
    if what < 0.8:
        return state.with_edits(edits[: random.randint(0, len(edits))])
    if what < 0.95 and edits:
        edits[random.randrange(len(edits))] = an_edit(random)
        return state.with_edits(edits)
    return state.with_edits([])


@given(random=RANDOM, dtype=st.sampled_from(DTYPES), turns=st.integers(1, 12))
def test_any_sequence_undone_in_any_way_gives_the_bits_of_its_edits(
    random: Random, dtype: torch.dtype, turns: int
) -> None:
    state = original = state_of(dtype)
    before = {name: each.clone() for name, each in original.values.items()}
    for _ in range(turns):
        state = turned_anyhow(random, state)
        assert_same(state, one_by_one(list(state.edits), dtype))
    back = state.with_edits(())
    assert all(back.values[name] is each for name, each in original.values.items())
    assert all(same_bits(each, before[name]) for name, each in original.values.items())
    assert not back.beneath


@given(random=RANDOM, turns=st.integers(0, 6))
def test_what_no_edit_touches_is_the_original_itself(random: Random, turns: int) -> None:
    original = state_of()
    state = original.with_edits([an_edit(random) for _ in range(turns)])
    touched = {name for edit in state.edits for name in edit.touched}
    assert {name for name, each in state.values.items() if each is not original.values[name]} == touched


@given(random=RANDOM, turns=st.integers(1, 6))
def test_no_tensor_of_a_state_is_ever_written(random: Random, turns: int) -> None:
    state, seen = state_of(), []
    for _ in range(turns):
        state = turned_anyhow(random, state)
        kept = {**state.values, **{f"{name}, beneath": each for name, each in state.beneath.items()}}
        seen.append((kept, {name: each.clone() for name, each in kept.items()}))
    assert all(same_bits(kept[name], copies[name]) for kept, copies in seen for name in kept)


@given(random=RANDOM, shared=st.integers(0, 4), first=st.integers(0, 4), second=st.integers(0, 4))
def test_every_row_that_differs_between_two_states_is_told(
    random: Random, shared: int, first: int, second: int
) -> None:
    common = state_of().with_edits([an_edit(random) for _ in range(shared)])
    one, other = (
        common.with_edits([*common.edits, *(an_edit(random) for _ in range(count))])
        for count in (first, second)
    )
    changes = one.changes_from(other)
    assert changes == other.changes_from(one)
    for name, tensor in one.values.items():
        rows = changes.get(name, frozenset())
        differing = {row for row in range(len(tensor)) if not same_bits(tensor[row], other.values[name][row])}
        assert rows is None or differing <= rows


def test_only_what_differs_is_told() -> None:
    state = state_of().with_edit(Muting(Place.parse("conv1[2]")))
    turned = state.with_edit(Setting(Place.parse("fc.weight[3,1]"), 1.0))
    assert turned.changes_from(state) == {"fc.weight": {3}}
    assert state.changes_from(turned) == {"fc.weight": {3}}
    assert turned.changes_from(turned) == {}


def test_one_more_edit_replays_none_and_undoing_writes_no_other_parameter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    write = Setting.write

    def counted(self: Setting, values: dict[str, Tensor]) -> None:
        written.append(str(self.place))
        write(self, values)

    monkeypatch.setattr(Setting, "write", counted)
    edits = [Setting(Place(name, (row,)), 1.0) for row in range(4) for name in ("fc", "conv1")]
    state = state_of().with_edits(edits)
    written.clear()
    state = state.with_edit(Setting(Place("norm", (0,)), 2.0))
    assert written == ["norm[0]"]
    written.clear()
    state = state.with_edits(state.edits[:-1])
    assert written == []
    state.with_edits(state.edits[:-1])
    assert written == ["conv1[0]", "conv1[1]", "conv1[2]"]


def test_an_edit_over_several_parameters_is_replayed_with_all_that_it_read() -> None:
    loud = Setting(Place.parse("fc.weight"), 9.0)
    state = state_of().with_edits((loud, Pruning(Place(""), fraction=0.5), Scaling(Place("conv1"), 2.0)))
    undone = state.with_edits(state.edits[:2])
    assert_same(undone, state_of().with_edits((loud, Pruning(Place(""), fraction=0.5))))


def test_zero_and_minus_zero_are_two_settings() -> None:
    state = State((), {"w": torch.ones(1)}).with_edit(Setting(Place("w"), 0.0))
    assert state.with_edits((Setting(Place("w"), -0.0),)).values["w"].signbit().all()


def test_the_same_turns_written_anew_keep_the_tensors() -> None:
    state = state_of().with_edits((Setting(Place("fc"), 1.0), Noise(Place("conv1"), 0.5)))
    again = state.with_edits((Setting(Place("fc"), 1.0), Noise(Place("conv1"), 0.5)))
    assert all(again.values[name] is each for name, each in state.values.items())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thousand_turns_keep_no_tensors(seed: int) -> None:
    random, original = Random(seed), state_of()
    state, mixes = original, [()]
    alive = dict[int, weakref.ref[Tensor]]()
    for _ in range(1000):
        if len(mixes) > 1 and random.random() < 0.5:
            mixes.pop()
        else:
            places = ["fc.weight[1,2]", "conv1[3]", "norm.bias[0]", "attn.in_proj_weight[5]"]
            edit: Edit = Scaling(Place.parse(random.choice(places)), random.uniform(0.5, 2))
            edit = Soloing(edit.place) if random.random() < 0.1 else edit
            mixes.append((*mixes[-1], edit))
        state = state.with_edits(mixes[-1])
        mixes[-1] = state.edits
        alive = {place: each for place, each in alive.items() if each() is not None}
        alive |= {id(each): weakref.ref(each) for each in (*state.values.values(), *state.beneath.values())}
        assert len(alive) <= 2 * len(original.values)
    assert_same(state, original.with_edits(state.edits))
    assert_same(state.with_edits(()), original)


def test_a_model_is_neither_changed_nor_kept_from_learning() -> None:
    model = copy.deepcopy(speaker())
    state = State.of(model).with_edit(Muting(Place("")))
    assert all(not each.requires_grad for each in state.values.values())
    assert all(each.requires_grad and each.count_nonzero() for each in model.parameters())
    assert all(
        same_bits(each, one) for each, one in zip(model.parameters(), speaker().parameters(), strict=True)
    )


def test_any_alias_means_the_one_tensor() -> None:
    state = state_of()
    assert "head.weight" not in state.values
    by_head, by_embed = (
        state.with_edit(Setting(Place(f"{name}.weight", (2, -1)), 4.0)) for name in ("head", "embed")
    )
    assert by_head.edits == by_embed.edits
    assert str(by_head.edits[0].place) == "embed.weight[2,7]"
    assert by_head.values["embed.weight"][2, 7] == 4


def test_names_need_not_say_what_was_compiled() -> None:
    class Compiled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._orig_mod = nn.Linear(2, 3)

    state = State.of(nn.Sequential(Compiled()))
    for text in ("0.weight[1]", "0._orig_mod.weight[1]", "0[1]"):
        assert state.with_edit(Muting(Place.parse(text))).values["0._orig_mod.weight"][1].count_nonzero() == 0


def test_values_that_are_not_finite_are_undone_cleanly() -> None:
    state = state_of()
    nothing = [Setting(Place("fc"), value) for value in (float("nan"), float("inf"))]
    broken = state.with_edits(nothing)
    assert broken.values["fc.weight"].isinf().all()
    assert broken.with_edits(nothing[:1]).values["fc.weight"].isnan().all()
    assert_same(broken.with_edits(()), state)


def test_an_edit_that_does_not_fit_leaves_the_state() -> None:
    state = state_of().with_edit(Muting(Place("fc")))
    with pytest.raises(UnknownParameterError, match=r"no parameter or module 'fcc'; did you mean fc\?"):
        state.with_edit(Muting(Place("fcc")))
    with pytest.raises(IndexRangeError, match=r"\[9\] lies outside fc.weight of shape \(5, 8\)"):
        state.with_edit(Muting(Place("fc.weight", (9,))))
    assert len(state.edits) == 1


def test_parameters_of_a_model_know_their_shapes_and_dtypes() -> None:
    parameters = parameters_of(speaker(torch.bfloat16))
    assert parameters["head.weight"].aliases == ("head.weight",)
    assert parameters["conv1.weight"].shape == (4, 3, 3, 3)
    assert parameters["conv1.weight"].dtype == "bfloat16"
