from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_edits import an_edit, same_bits, state_of

from weightdesk.desk.edits import Muting, Noise, Rewinding, Setting, Soloing
from weightdesk.desk.mix import Mix
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import MixError, WeightdeskError
from weightdesk.runs import Parameter, Parameters

RANDOM = st.randoms(use_true_random=False)


def set_to(text: str, value: float) -> Setting:
    return Setting(Place.parse(text), value)


@given(random=RANDOM, count=st.integers(0, 8))
def test_a_mix_comes_back_from_json_and_gives_the_same_bits(random: Random, count: int) -> None:
    state = state_of().with_edits([an_edit(random) for _ in range(count)])
    mix = Mix.of(state)
    again = Mix.from_json(mix.to_json())
    assert again == mix
    assert repr(again) == repr(mix)
    assert Mix.from_json(json.loads(mix.to_json())) == mix
    applied = again.applied_to(state_of())
    assert all(same_bits(each, applied.values[name]) for name, each in state.values.items())


@given(value=st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_come_back_bit_for_bit(value: float) -> None:
    edit = Mix.from_json((Mix() + set_to("fc", value)).to_json()).edits[0]
    assert isinstance(edit, Setting)
    if math.isnan(value):
        assert math.isnan(edit.value)
    else:
        assert edit.value.hex() == value.hex()


def test_a_mix_is_small_and_readable() -> None:
    state = State((), {"fc.weight": torch.full((2, 3), 0.25), "conv.bias": torch.zeros(4)})
    mix = Mix.of(state.with_edits((set_to("fc.weight[1,2]", 0.8), set_to("conv[3]", math.inf))))
    assert mix.to_json() == (
        '{\n  "mix": 1,\n  "shapes": {"fc.weight": [2, 3], "conv.bias": [4]},\n  "turns": [\n'
        '    {"turn": "set", "place": "fc.weight[1,2]", "from": 0.25, "to": 0.8},\n'
        '    {"turn": "set", "place": "conv[3]", "from": 0.0, "to": "inf"}\n  ]\n}\n'
    )
    assert str(mix) == "1. fc.weight[1,2] 0.25 → 0.8\n2. conv[3] 0 → inf"


def test_shapes_are_kept_of_what_is_named_only() -> None:
    everything = Mix.of(state_of().with_edit(Noise(Place(""), 0.1)))
    assert everything.shapes == ()


def test_mixes_never_change() -> None:
    empty, edit = Mix(), set_to("fc", 1.0)
    one = empty + edit
    both = one + (Mix() + edit)
    assert (len(empty), len(one), len(both)) == (0, 1, 2)
    assert list(both) == [edit, edit]
    assert both.without_last() == one
    assert empty.without_last() == empty
    assert len({one, empty + edit}) == 1


def test_shapes_of_two_mixes_go_together() -> None:
    first, second = (Mix.of(state_of().with_edit(set_to(name, 1.0))) for name in ("fc.bias", "norm.bias"))
    assert (first + second).shapes == (("fc.bias", (5,)), ("norm.bias", (4,)))


def test_every_conflict_is_listed_one_by_one() -> None:
    made = state_of().with_edits(
        (set_to("fc.weight[3,1]", 1.0), set_to("conv1[2]", 0.0), Soloing(Place.parse("fc[4]")))
    )
    mix = Mix.of(made) + Rewinding(Place.parse("fcc"), "runs/nowhere", 3) + Muting(Place.parse("fc.bias[1]"))
    known = [("fc.weight", (4, 8)), ("fc.bias", (5,)), ("conv2.weight", (4, 3, 3, 3))]
    here = Parameters([Parameter(name, shape, "float32") for name, shape in known])
    conflicts = mix.conflicts(here)
    assert [each.split(": ", 1)[0] for each in conflicts[:-1]] == [
        "turn 2, conv1[2] → 0",
        "turn 3, fc[4] soloed",
        "turn 4, fcc rewound to step 3",
        "turn 4, fcc rewound to step 3",
    ]
    assert "did you mean conv2?" in conflicts[0]
    assert "fc has no units: its parameters differ in length" in conflicts[1]
    assert "did you mean fc?" in conflicts[2]
    assert "no run.json in runs/nowhere" in conflicts[3]
    assert conflicts[4] == "fc.weight has shape (4, 8) here, (5, 8) where the mix was made"
    state = State((), {name: torch.ones(shape) for name, shape in known})
    with pytest.raises(MixError, match=r"does not fit these weights \(5 in conflict\)") as caught:
        mix.applied_to(state)
    assert caught.value.conflicts == conflicts
    assert str(caught.value).splitlines()[1:] == [f"- {each}" for each in conflicts]


def test_a_mix_applies_to_other_weights_of_the_same_shapes() -> None:
    mix = Mix.of(
        state_of(seed=1).with_edits((set_to("fc.weight[3,1]", 1.0), Muting(Place.parse("conv1[2]"))))
    )
    here = state_of().with_edit(Muting(Place.parse("norm")))
    assert mix.conflicts(here.parameters) == ()
    after = mix.applied_to(here)
    assert len(after.edits) == 3
    told = after.edits[1].to_json()
    assert told["from"] == state_of().values["fc.weight"][3, 1].item()
    assert after.values["fc.weight"][3, 1] == 1
    assert after.values["norm.weight"].count_nonzero() == 0


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    first, second = Mix() + set_to("fc", 1.0), Mix() + set_to("Gewicht_ß", math.nan)
    first.save(tmp_path / "mix.json")
    second.save(str(tmp_path / "mix.json"))
    assert Mix.load(tmp_path / "mix.json") == second
    assert [each.name for each in tmp_path.iterdir()] == ["mix.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the mix is no JSON: "),
        ("[]", 'a mix is an object with "mix"'),
        ('{"mix": 1, "turns": {}}', 'a mix is an object with "mix"'),
        ('{"mix": 2, "turns": []}', "the mix has version 2; this weightdesk reads 1"),
        ('{"turns": []}', "the mix has version None"),
        ('{"mix": 1, "shapes": [], "turns": []}', '"shapes" of a mix gives the shape of each parameter'),
        ('{"mix": 1, "turns": [3]}', "turn 1: no turn is called None; choose from "),
        ('{"mix": 1, "turns": [{"turn": "muet", "place": "fc"}]}', "called 'muet'; did you mean mute?"),
        ('{"mix": 1, "turns": [{"turn": "mute"}]}', "turn 1: a turn 'mute' needs 'place'; it has nothing"),
        (
            '{"mix": 1, "turns": [{"turn": "mute", "place": "fc", "by": 2}]}',
            "turn 1: a turn 'mute' has no 'by'",
        ),
        (
            '{"mix": 1, "turns": [{"turn": "scale", "place": "fc", "factor": "x"}]}',
            "must be a number, got 'x'",
        ),
        (
            '{"mix": 1, "turns": [{"turn": "mute", "place": "fc[x]"}]}',
            r"turn 1: 'x' in 'fc\[x\]' is no index",
        ),
        ('{"mix": 1, "turns": [{"turn": "round", "place": "fc"}]}', "turn 1: round takes either bits"),
    ],
)
def test_what_is_no_mix_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MixError, match=message) as caught:
        Mix.from_json(text)
    assert "\n" not in str(caught.value)
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(MixError, match=r"bad\.json: "):
        Mix.load(tmp_path / "bad.json")


def test_a_missing_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MixError, match=r"no mix can be read from .*nowhere\.json: No such file"):
        Mix.load(tmp_path / "nowhere.json")


@given(
    text=st.text(max_size=20)
    | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps)
)
def test_nothing_else_comes_out_of_odd_text(text: str) -> None:
    with pytest.raises(WeightdeskError):
        Mix.from_json(text)
