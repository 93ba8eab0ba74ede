from __future__ import annotations

from typing import Any

import torch
from engine_contract import EngineContract
from torch import Tensor, nn
from turned import WIDTH, Residual, check, states

from weightdesk.desk.edits import Setting
from weightdesk.desk.engine import Engine, open_engine
from weightdesk.desk.engine.modules import ModulesEngine
from weightdesk.desk.places import Place
from weightdesk.desk.state import State


class TestModulesEngine(EngineContract):
    def opened(self, model: nn.Module, inputs: Any, memory: int = 1 << 28) -> Engine:
        return ModulesEngine(model, inputs, State.of(model), memory=memory)


class Counted(nn.Linear):
    def __init__(self) -> None:
        super().__init__(WIDTH, WIDTH)
        self.runs = [0]

    def forward(self, x: Tensor) -> Tensor:
        self.runs[0] += 1
        return super().forward(x)


class Deciding(nn.Module):
    """Goes another way by what its data are, which cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inside, self.last = Counted(), Residual(), Counted()

    def forward(self, x: Tensor) -> Tensor:
        x = self.inside(self.first(x).relu_())
        if bool(x.mean() > 0):
            x = x * 2
        return self.last(x)


def test_only_modules_from_the_first_changed_one_on_run() -> None:
    torch.manual_seed(0)
    model, inputs = Deciding().eval(), torch.randn(12, WIDTH)
    start = State.of(model)
    engine = open_engine(model, inputs, start)
    assert engine.name == "from the first changed module on: 6 modules kept"
    assert len(engine.reasons) == 1
    assert engine.reasons[0].startswith("not operation by operation: ")
    lane = engine.lane(slice(0, 12))
    for name, ran in (("last.weight", (0, 1)), ("inside.second.bias", (0, 1)), ("first.bias", (1, 1))):
        before = model.first.runs[0], model.last.runs[0]
        lane.outputs(start.with_edit(Setting(Place(name, (0,) * start.values[name].ndim), 3.0)))
        assert (model.first.runs[0] - before[0], model.last.runs[0] - before[1]) == ran, name
    for state in states(start, 2, 40):
        check(lane, model, inputs, state)


def test_without_memory_everything_runs_and_is_right() -> None:
    torch.manual_seed(0)
    model, inputs = Deciding().eval(), torch.randn(12, WIDTH)
    start = State.of(model)
    lane = ModulesEngine(model, inputs, start, memory=0).lane(slice(0, 12))
    for state in states(start, 2, 20):
        check(lane, model, inputs, state)


class Borrowing(nn.Module):
    """Reads the last module's weights before that module runs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x @ self.last.weight))


def test_a_parameter_read_outside_of_its_module_is_noticed() -> None:
    torch.manual_seed(0)
    model, inputs = Borrowing().eval(), torch.randn(4, WIDTH)
    start = State.of(model)
    lane = ModulesEngine(model, inputs, start, memory=1 << 20).lane(slice(0, 4))
    for state in states(start, 3, 20):
        check(lane, model, inputs, state)


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 1e9):
            return x
        return self.inner(x) + torch.rand(WIDTH)


def test_a_model_that_draws_takes_forward_passes_and_says_why() -> None:
    model = Drawing().eval()
    engine = open_engine(model, torch.randn(4, WIDTH), State.of(model))
    assert engine.name == "a forward pass of the whole model for every turn"
    assert engine.reasons[1] == "not module by module: the model draws random numbers"
