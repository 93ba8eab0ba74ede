from __future__ import annotations

from random import Random

import pytest
import torch
from edit_contract import RANDOM, EditContract
from hypothesis import given
from hypothesis import strategies as st
from random_edits import MAKERS, kept_weights, masks, same_bits, state_of
from torch import Tensor

from weightdesk.desk.edits import Edit, Muting, Noise, Rewinding, Setting, Soloing
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError


class TestSoloing(EditContract):
    kind = "solo"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        found = masks(str(edit.place), values, outputs=True)
        return {
            name: torch.where(mask, values[name], torch.zeros_like(values[name]))
            for name, mask in found.items()
        }


def solo(text: str) -> Soloing:
    return Soloing(Place.parse(text))


@given(units=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_all_soloed_units_are_audible_whatever_the_order(units: list[int]) -> None:
    state = state_of()
    turned = state.with_edits([solo(f"fc[{unit}]") for unit in units]).values
    for name in ("fc.weight", "fc.bias"):
        for unit in range(5):
            expected = (
                state.values[name][unit] if unit in units else torch.zeros_like(state.values[name][unit])
            )
            assert torch.equal(turned[name][unit], expected)


@given(random=RANDOM, count=st.integers(0, 4))
def test_a_solo_shows_the_layer_as_the_other_turns_left_it(random: Random, count: int) -> None:
    """Of edits and solos in any order, the last solo leaves the layer as without solos, under one mask."""
    kinds = [kind for kind in MAKERS if kind not in ("solo", "prune")]  # pruning ranks what is silenced
    others = [MAKERS[random.choice(kinds)](random) for _ in range(count)]
    solos = [solo(f"fc.weight[{random.randrange(5)}]") for _ in range(3)]
    mixed: list[Edit] = [*others, *solos[:-1]]
    random.shuffle(mixed)
    turned = state_of().with_edits((*mixed, solos[-1])).values["fc.weight"]
    plain = (
        state_of().with_edits([each for each in mixed if not isinstance(each, Soloing)]).values["fc.weight"]
    )
    audible = {each.place.index[0] for each in solos}  # type: ignore[index]
    for unit in range(5):
        assert same_bits(turned[unit], plain[unit] if unit in audible else torch.zeros(8))


def test_turns_after_a_solo_work_on_what_it_left() -> None:
    state = State((), {"w": torch.tensor([1.0, 2.0, 3.0])})
    silenced = Setting(Place.parse("w[1]"), 5.0)
    assert state.with_edits((solo("w[0]"), silenced)).values["w"].tolist() == [1, 5, 0]
    assert state.with_edits((solo("w[0]"), silenced, solo("w[2]"))).values["w"].tolist() == [1, 0, 3]
    assert state.with_edits((solo("w[0]"), silenced, solo("w[1]"))).values["w"].tolist() == [1, 5, 0]
    muted = Muting(Place.parse("w[0]"))
    assert state.with_edits((solo("w[0]"), muted, solo("w[1]"))).values["w"].tolist() == [0, 2, 0]


def test_a_solo_taken_away_leaves_no_trace() -> None:
    state = state_of()
    noise = Noise(Place.parse("fc"), 0.5)
    turned = state.with_edits((noise, solo("fc[1]"), Setting(Place.parse("fc[2]"), 3.0)))
    back = turned.with_edits((noise,))
    assert not back.beneath
    expected = state.with_edit(noise).values
    assert all(same_bits(back.values[name], expected[name]) for name in expected)


def test_solos_of_one_layer_leave_the_others_alone() -> None:
    state = state_of()
    turned = state.with_edits((solo("fc[1]"), solo("conv1[2]")))
    assert turned.edits[1].touched == {"conv1.weight", "conv1.bias"}
    assert torch.equal(turned.values["fc.weight"][1], state.values["fc.weight"][1])


@pytest.mark.parametrize("text", ["fc", "*", "fc.weight"])
def test_a_whole_layer_cannot_be_soloed(text: str) -> None:
    with pytest.raises(OptionError, match="solo needs one or more units"):
        solo(text)


def test_a_rewind_after_a_solo_is_heard_whole() -> None:
    state = state_of()
    turned = state.with_edits((solo("fc[1]"), Rewinding(Place.parse("fc"), kept_weights()[0], 8)))
    assert same_bits(turned.values["fc.weight"], state_of(seed=2).values["fc.weight"])
