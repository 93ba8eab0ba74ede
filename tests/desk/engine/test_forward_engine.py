from __future__ import annotations

from typing import Any

import torch
from engine_contract import EngineContract
from torch import Tensor, nn

from weightdesk.desk.engine import Engine
from weightdesk.desk.engine.forward import Forward, ForwardEngine
from weightdesk.desk.state import State


class TestForwardEngine(EngineContract):
    def opened(self, model: nn.Module, inputs: Any, memory: int = 0) -> Engine:
        return ForwardEngine(model, inputs, State.of(model))


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return x * self.weight + self.passes + torch.rand(1)


def test_a_model_that_counts_and_draws_gives_the_same_each_time() -> None:
    model, x = Counting(), torch.zeros(2)
    forward, values = Forward(model), dict(model.named_parameters())
    state = torch.get_rng_state()
    results = [forward(x, values) for _ in range(3)]
    assert forward.draws
    assert torch.equal(results[0], results[2])
    assert model.passes == 0
    assert torch.equal(state, torch.get_rng_state())
