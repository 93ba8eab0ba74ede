from __future__ import annotations

import gc
import resource
from typing import Any

import pytest
import torch
from engine_contract import EngineContract
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from turned import EXAMPLES, FORMS, PARTS, WIDTH, Recurrent, check, networks, same_bits, states, whole

from weightdesk.desk.edits import Muting, Setting
from weightdesk.desk.engine import Engine, open_engine
from weightdesk.desk.engine.graph import GraphEngine
from weightdesk.desk.places import Place
from weightdesk.desk.state import State


class TestGraphEngine(EngineContract):
    def opened(self, model: nn.Module, inputs: Any, memory: int = 1 << 28) -> Engine:
        return GraphEngine(model, inputs, State.of(model), memory=memory)


@settings(max_examples=15)
@given(networks(), st.integers(0, 1000))
def test_random_networks_in_random_states(network: tuple[nn.Module, Any], seed: int) -> None:
    model, inputs = network
    start = State.of(model)
    lane = whole(GraphEngine(model, inputs, start, memory=1 << 28))
    before = lane.outputs(start)
    for state in states(start, seed, 25):
        check(lane, model, inputs, state)
    same_bits(lane, before, start)


@pytest.mark.parametrize("memory", [0, 5_000, 60_000])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_little_memory_is_enough(form: str, memory: int) -> None:
    torch.manual_seed(1)
    model, inputs = FORMS[form]()
    start = State.of(model.eval())
    lane = whole(GraphEngine(model, inputs, start, memory=memory))
    for state in states(start, 4, 25):
        check(lane, model, inputs, state)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_pictures_in_other_precisions(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    model, inputs = FORMS["pictures"]()
    start = State.of(model.eval().to(dtype))
    inputs["x"] = inputs["x"].to(dtype)
    lane = whole(GraphEngine(model, inputs, start, memory=1 << 28))
    for state in states(start, 4, 40):
        check(lane, model, inputs, state)


def test_a_recurrent_network_runs() -> None:
    torch.manual_seed(1)
    model, inputs = Recurrent().eval(), torch.randn(EXAMPLES, 4, WIDTH)
    start = State.of(model)
    engine = open_engine(model, inputs, start)
    lane = engine.lane(slice(0, EXAMPLES))
    for state in states(start, 4, 10):
        check(lane, model, inputs, state)


def test_it_says_what_it_does() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    engine = open_engine(torch.compile(model, backend="eager"), torch.randn(9, 4), State.of(model))
    assert engine.name == "incremental: 3 operations, 2 results kept"
    assert engine.reasons == ()
    assert engine.chunk > 9


def test_behind_a_dead_unit_nothing_runs_and_bits_stay() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)).eval()
    with torch.no_grad():
        model[0].bias[3] = -1e3
    start = State.of(model)
    lane = GraphEngine(model, torch.randn(9, 4), start, memory=1 << 20).lane(slice(0, 9))
    before = lane.outputs(start)
    turned = start.with_edit(Setting(Place("0.weight", (3, 1)), 0.7))
    assert torch.equal(lane.outputs(turned), before)


def test_the_reference_follows_and_comes_back() -> None:
    """Coarse turns make the lane take another reference; large weights must not leave rounding in it."""
    torch.manual_seed(0)
    model = nn.Sequential(*(PARTS[name]() for name in ("wide", "residual", "wide"))).eval()
    inputs = torch.randn(EXAMPLES, WIDTH)
    start = State.of(model)
    lane = whole(GraphEngine(model, inputs, start, memory=1 << 28))
    before, state = lane.outputs(start), start
    for unit in range(8):
        state = state.with_edit(Muting(Place("0.0", (unit,))))
        state = state.with_edit(Setting(Place("2.2.weight", (unit % WIDTH, 3)), 0.3))
        check(lane, model, inputs, state)
    first = lane._reference
    assert first.state is not start
    huge = state.with_edit(Setting(Place("0.0.weight"), 1e6))
    for column in range(8):
        huge = huge.with_edit(Setting(Place("2.2.weight", (0, column)), 0.5))
        check(lane, model, inputs, huge)
    assert lane._reference is first
    check(lane, model, inputs, state.with_edit(Setting(Place("0.0.weight"), 0.01)))
    same_bits(lane, before, start)


def test_memory_is_given_back_and_never_exceeded() -> None:
    model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2)).eval()
    start = State.of(model)
    engine = GraphEngine(model, torch.randn(64, 4), start, memory=300_000)
    lanes = [engine.lane(slice(0, 64)) for _ in range(40)]
    assert 0 < engine._used <= 300_000
    for state in states(start, 1, 6):
        check(lanes[-1], model, torch.as_tensor(engine._batch.inputs), state)
    lanes.clear()
    gc.collect()
    assert engine._used == 0


@pytest.mark.heavy
def test_a_thousand_turns_leave_memory_flat_and_the_start_bit_for_bit() -> None:
    torch.manual_seed(0)
    model, inputs = FORMS["tokens"]()
    start = State.of(model.eval())
    lane = whole(GraphEngine(model, inputs, start, memory=1 << 28))
    before, grown = lane.outputs(start), []
    for round_ in range(10):
        for state in states(start, round_, 100):
            lane.outputs(state)
        gc.collect()
        grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    same_bits(lane, before, start)
    assert grown[-1] - grown[2] < 4096  # kB
