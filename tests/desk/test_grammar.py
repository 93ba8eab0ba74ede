"""Turns as text: each form means the edit that Python's form means, and mistakes say what is expected."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk import watch
from weightdesk.desk.edits import (
    EDITS,
    Edit,
    Muting,
    Noise,
    Pruning,
    Rewinding,
    Rounding,
    Scaling,
    Setting,
    Soloing,
    Transplanting,
)
from weightdesk.desk.grammar import parse_sweep, parse_turn
from weightdesk.desk.heads import Head
from weightdesk.desk.places import Place
from weightdesk.errors import OptionError
from weightdesk.runs import open_run

MODEL = nn.ModuleDict(
    {"conv1": nn.Conv2d(1, 8, 3), "fc": nn.Linear(32, 8), "attn": nn.MultiheadAttention(8, 4)}
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fc.weight[3,17]=0.8", Setting(Place.of("fc.weight", (3, 17)), 0.8)),
        (" fc.weight[3, 17] = -1e-3 ", Setting(Place.of("fc.weight", (3, 17)), -0.001)),
        ("fc.bias=inf", Setting(Place.of("fc.bias"), math.inf)),
        ("mute conv1[5]", Muting(Place.of("conv1", 5))),
        ("mute  conv1.weight[5, 0]", Muting(Place.of("conv1.weight", (5, 0)))),
        ("mute attn[head 2]", Muting(Place.of("attn", Head(2, of=4)))),
        ("solo attn[head 2/4]", Soloing(Place.of("attn", Head(2, of=4)))),
        ("solo conv1[-1]", Soloing(Place.of("conv1", -1))),
        ("scale fc.weight[:,4:8] 1.5", Scaling(Place.of("fc.weight", (slice(None), slice(4, 8))), 1.5)),
        ("noise fc 0.1", Noise(Place.of("fc"), 0.1)),
        ("noise * 0.1 7", Noise(Place.of(None), 0.1, 7)),
        ("prune * 0.3", Pruning(Place.of(None), fraction=0.3)),
        ("prune fc.weight below 0.01", Pruning(Place.of("fc.weight"), threshold=0.01)),
        ("round fc 8", Rounding(Place.of("fc"), bits=8)),
        ("round fc 4 row", Rounding(Place.of("fc"), bits=4, by="row")),
        ("round fc bfloat16", Rounding(Place.of("fc"), dtype="bfloat16")),
        ("transplant fc runs/lr=0.1", Transplanting(Place.of("fc"), "runs/lr=0.1")),
        ("transplant fc runs/other", Transplanting(Place.of("fc"), "runs/other")),
        ("transplant fc s3://bucket/run 128", Transplanting(Place.of("fc"), "s3://bucket/run", 128)),
    ],
)  # fmt: skip
def test_text_means_the_edit(text: str, meant: Edit) -> None:
    found = parse_turn(text, MODEL)
    assert found == meant
    assert found.to_json() == meant.to_json()


def test_every_kind_of_edit_can_be_written() -> None:
    forms = ["fc=1", "mute fc", "solo fc[1]", "scale fc 2", "noise fc 1", "prune fc 0.5", "round fc 8",
             "transplant fc a"]  # fmt: skip
    assert {parse_turn(text, MODEL).kind for text in forms} | {"rewind"} == EDITS.keys()


def test_rewind_goes_back_in_the_run_at_hand() -> None:
    model = nn.Linear(2, 1)
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.1), "memory://grammar-rewind"):
        pass
    run = open_run("memory://grammar-rewind")
    assert parse_turn("rewind weight 0", model, run) == Rewinding(Place.of("weight"), run.path, 0)
    with pytest.raises(OptionError, match="none is known"):
        parse_turn("rewind weight 0", model)


@given(value=st.floats(), row=st.integers(0, 7), column=st.integers(0, 31))
def test_a_number_comes_through_bit_for_bit(value: float, row: int, column: int) -> None:
    found = parse_turn(f"fc.weight[{row},{column}]={value!r}", MODEL)
    assert isinstance(found, Setting)
    assert (found.place.index, repr(found.value)) == ((row, column), repr(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is said"),
        ("mut conv1[5]", "no turn is called 'mut', did you mean mute?"),
        ("fc.weight[3,17]", "write such as `fc.weight\\[3,17\\]=0.8`"),
        ("fc.weight[3,17]=loud", "'loud' is no number"),
        ("fc.weight[3,x]=1", "'x' in"),
        ("=1", "names no weights"),
        ("mute", "expected `mute PLACE`, such as `mute conv1\\[5\\]`"),
        ("mute conv1[5] fc", "expected `mute PLACE`"),
        ("scale fc", "expected `scale PLACE FACTOR`"),
        ("scale fc twice", "could not convert.*expected `scale PLACE FACTOR`, such as"),
        ("prune fc 3", "must be 0…1, got 3; expected `prune PLACE SHARE"),
        ("prune fc under 0.1", "'under' is not the word below"),
        ("round fc 64", "bits must be 2…24, got 64"),
        ("round fc 7.5", "cannot be rounded to '7.5'"),
        ("noise fc -1", "must be 0 or more"),
        ("solo fc", "solo needs one or more units"),
        ("transplant fc runs/a last", "expected `transplant PLACE SOURCE \\[STEP\\]`"),
    ],
)
def test_mistakes_say_what_is_expected(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as refused:
        parse_turn(text, MODEL)
    assert str(refused.value).startswith(f"turn {text!r}: ")
    assert "\n" not in str(refused.value)


def test_a_sweep_is_a_weight_and_perhaps_its_ends() -> None:
    place, ends = parse_sweep("fc.weight[3,17]", MODEL)
    assert (str(place), ends) == ("fc.weight[3,17]", None)
    place, ends = parse_sweep("fc.weight[3,17] = -1.5:2", MODEL)
    assert (str(place), ends) == ("fc.weight[3,17]", (-1.5, 2.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fc.weight[3,", "names no weights"),
        ("fc.weight[3,17]=1", "expected two ends"),
        ("fc.weight[3,17]=1:loud", "'loud' is no number"),
        ("fc.weight[3,17]=1:1", "must be below"),
        ("fc.weight[3,17]=nan:1", "must be below"),
    ],
)
def test_what_is_no_sweep_says_so(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as refused:
        parse_sweep(text, MODEL)
    assert str(refused.value).startswith(f"sweep {text!r}: ")
