"""What every engine keeps to; a test class of each engine inherits this one."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_map
from turned import EXAMPLES, FORMS, check, expected, same_bits, states, whole

from weightdesk.desk.edits import Setting
from weightdesk.desk.engine import Engine
from weightdesk.desk.nesting import leaves_of
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.explain.batch import Batch


class EngineContract:
    def opened(self, model: nn.Module, inputs: Any, memory: int = 1 << 28) -> Engine:
        raise NotImplementedError

    @pytest.fixture(params=sorted(FORMS))
    def form(self, request: pytest.FixtureRequest) -> tuple[nn.Module, Any]:
        torch.manual_seed(3)
        model, inputs = FORMS[request.param]()
        return model.eval(), inputs

    def test_every_state_gives_what_a_forward_pass_gives(self, form: tuple[nn.Module, Any]) -> None:
        model, inputs = form
        start = State.of(model)
        engine = self.opened(model, inputs)
        lane = whole(engine)
        before = lane.outputs(start)
        assert all(one is two or torch.equal(one, two) for one, two in zip(
            leaves_of(before), expected(model, inputs, start), strict=True
        ))  # fmt: skip
        for state in states(start, 5, 60):
            check(lane, model, inputs, state)
        same_bits(lane, before, start)
        one = engine.lane(torch.tensor([7]))
        assert (one.count, lane.count) == (1, EXAMPLES)
        for state in states(start, 6, 12):
            check(one, model, Batch(inputs, 0, EXAMPLES).take(inputs, [7]), state)

    def test_weights_that_are_no_numbers_are_shown_and_undone(self, form: tuple[nn.Module, Any]) -> None:
        model, inputs = form
        start = State.of(model)
        lane = whole(self.opened(model, inputs))
        before = tree_map(lambda each: each, lane.outputs(start))
        for name, values in start.values.items():
            for value in (torch.nan, torch.inf, 1e30):
                state = start.with_edit(Setting(Place(name, (0,) * values.ndim), value))
                found = leaves_of(lane.outputs(state))
                for ours, theirs in zip(found, expected(model, inputs, state), strict=True):
                    assert ours is theirs or torch.equal(ours.isfinite(), theirs.isfinite()), (name, value)
            check(lane, model, inputs, start.with_edit(Setting(Place(name, (0,) * values.ndim), 0.1)))
        same_bits(lane, before, start)

    def test_nothing_outside_is_changed(self, form: tuple[nn.Module, Any]) -> None:
        model, inputs = form
        kept = {name: each.clone() for name, each in model.state_dict().items()}
        given = tree_map(lambda each: each.clone() if isinstance(each, torch.Tensor) else each, inputs)
        start, random = State.of(model), torch.get_rng_state()
        lane = whole(self.opened(model, inputs))
        for state in states(start, 1, 4):
            lane.outputs(state)
        assert torch.equal(random, torch.get_rng_state())
        assert torch.is_grad_enabled()
        assert all(torch.equal(kept[name], each) for name, each in model.state_dict().items())
        assert all("forward" not in vars(each) and not each._forward_hooks for each in model.modules())
        pairs = zip(*(torch.utils._pytree.tree_leaves(each) for each in (given, inputs)), strict=True)
        assert all(one is two or bool((one == two).all()) for one, two in pairs)

    def test_a_state_gives_the_same_bits_to_every_new_lane(self, form: tuple[nn.Module, Any]) -> None:
        model, inputs = form
        engine, start = self.opened(model, inputs), State.of(model)
        row = list(states(start, 9, 15))
        first = [whole(engine)]
        results = [[first[0].outputs(state) for state in row]]
        results.append([lane.outputs(state) for lane in [whole(engine)] for state in row])
        for one, two in zip(*(leaves_of(each) for each in results), strict=True):
            assert one is two or torch.equal(torch.as_tensor(one), torch.as_tensor(two))

    def test_lanes_may_run_side_by_side(self) -> None:
        torch.manual_seed(3)
        model, inputs = FORMS["pictures"]()
        engine, start = self.opened(model.eval(), inputs), State.of(model)
        failed: list[BaseException] = []
        copies = [copy.deepcopy(model), copy.deepcopy(model)]

        def work(places: slice, seed: int) -> None:
            try:
                model = copies.pop()
                lane, mine = engine.lane(places), Batch(inputs, 0, EXAMPLES).take(inputs, range(20)[places])
                for state in states(start, seed, 20):
                    check(lane, model, mine, state)
            except BaseException as error:
                failed.append(error)

        threads = [
            threading.Thread(target=work, args=each) for each in ((slice(0, 10), 1), (slice(8, 20), 2))
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert not failed
