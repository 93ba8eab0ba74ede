from __future__ import annotations

import pytest
import torch
from ablated_networks import Branching, ablated, classes, mlp, normal
from torch import Tensor, fx, nn
from torch.nn import functional

from weightdesk.explain.importance import downstream, importance
from weightdesk.explain.importance.downstream import Downstream, follow
from weightdesk.explain.importance.lane import find_lane
from weightdesk.explain.importance.layer import find_layer
from weightdesk.explain.importance.probe import make_probe
from weightdesk.explain.tracing import trace, untouched


def way(model: nn.Module, inputs: Tensor, name: str) -> Downstream | None:
    probe = make_probe(model, inputs, classes(len(inputs)), functional.cross_entropy, 0)
    with untouched(model):
        passed = trace(model, inputs, cut=True)
    layer = find_layer(model, passed, name, len(inputs))
    assert layer is not None
    with probe.running():
        return follow(probe, layer)


LANES = {
    "activation": (lambda: [nn.ReLU(), nn.Conv2d(3, 2, 1)], True),
    "pool": (
        lambda: [nn.GELU(), nn.AvgPool2d(2), nn.BatchNorm2d(3), nn.Dropout(0.1), nn.Conv2d(3, 2, 3)],
        True,
    ),
    "flat": (lambda: [nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)], True),
    "grouped": (lambda: [nn.ReLU(), nn.Conv2d(3, 3, 1, groups=3)], False),
    "mixing": (lambda: [nn.Softmax(dim=1), nn.Conv2d(3, 2, 1)], False),
    "features": (lambda: [nn.ReLU(), nn.Linear(8, 2)], False),
    "learnt": (lambda: [nn.PReLU(3), nn.Conv2d(3, 2, 1)], False),
    "partly flat": (lambda: [nn.Flatten(2), nn.Conv1d(3, 2, 1)], False),
    "after flat": (lambda: [nn.Flatten(), nn.ReLU(), nn.Linear(192, 2)], False),
}


@pytest.mark.parametrize("case", LANES)
def test_a_unit_keeps_to_itself_up_to_what_mixes(case: str) -> None:
    layers, keeps = LANES[case]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), *layers()).double().eval()
    for each in model.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean.normal_()
            each.running_var.uniform_(1, 2)
    z, inputs = model[0](normal(4, 2, 8, 8)).detach(), normal(4, 2, 8, 8)
    graph = fx.symbolic_trace(model)
    lane = find_lane(graph, next(each for each in graph.graph.nodes if each.target == "0"), 1, 4)
    assert (lane is not None) == keeps
    name = "0.weight"
    expected = ablated(nn.Sequential(model, nn.Flatten()), inputs, classes(4, 2), "0.0.weight")
    found = importance(
        nn.Sequential(model, nn.Flatten()), inputs, classes(4, 2), functional.cross_entropy, f"0.{name}"
    )
    torch.testing.assert_close(found.values, expected, rtol=0, atol=1e-13)
    assert z.shape[1] == 3


class Functions(nn.Module):
    """Written with functions and methods rather than modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 2, stride=2)
        self.third, self.fourth = nn.Linear(3, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.first(x).relu(), 2)
        x = functional.adaptive_avg_pool2d(self.second(functional.dropout(x, 0.2, self.training)), 1)
        return self.fourth(functional.leaky_relu(self.third(torch.flatten(x, 1)), negative_slope=0.2))


class Methods(Functions):
    def forward(self, x: Tensor) -> Tensor:
        x = functional.adaptive_avg_pool2d(self.second(self.first(x).sigmoid()), 1).flatten(1)
        return self.fourth(torch.tanh(input=self.third(x)))


@pytest.mark.parametrize("make", [Functions, Methods])
def test_functions_and_methods_are_followed(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = make().double().eval()
    inputs, targets = normal(5, 1, 9, 9), classes(5)
    for name, _parameter in model.named_parameters():
        found = importance(model, inputs, targets, functional.cross_entropy, name)
        torch.testing.assert_close(found.values, ablated(model, inputs, targets, name), rtol=0, atol=1e-13)
        assert "downstream" in found.engine


def test_below_a_relu_nothing_matters() -> None:
    inputs = normal(6, 4)
    floors = {
        activation: way(mlp(4, 5, 3, activation=activation).double(), inputs, "0.weight").floor  # type: ignore[union-attr]
        for activation in (nn.ReLU, nn.Tanh)
    }
    assert floors == {nn.ReLU: 0.0, nn.Tanh: -torch.inf}


def test_stacks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = mlp(4, 5, 3).double()
    arguments = (model, normal(9, 4), classes(9), functional.cross_entropy, "0.weight")
    whole = importance(*arguments).values
    monkeypatch.setattr(downstream, "_STACK_BYTES", 100)
    torch.testing.assert_close(importance(*arguments).values, whole, rtol=0, atol=1e-14)


def test_a_branching_network_is_run_with_the_result_replaced() -> None:
    found = way(Branching().double(), normal(6, 5), "first.weight")
    assert found is not None
    assert "replaced" in found.name


class Fixed(nn.Module):
    """Works for six examples only, and shows it in no graph."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("added", torch.arange(6.0).reshape(6, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * self.added[: x.shape[0]]


def test_a_network_that_knows_the_place_of_an_example_takes_whole_passes() -> None:
    torch.manual_seed(0)
    model = Fixed().double()
    inputs, targets = normal(6, 4), classes(6)
    found = importance(model, inputs, targets, functional.cross_entropy, "layer.weight")
    assert "whole" in found.engine
    torch.testing.assert_close(
        found.values, ablated(model, inputs, targets, "layer.weight"), rtol=0, atol=1e-13
    )


class Doubled(nn.Linear):
    """A layer whose result is more than its operation's."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_a_layer_that_does_more_than_multiply_takes_whole_passes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(Doubled(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    inputs, targets = normal(6, 4), classes(6)
    found = importance(model, inputs, targets, functional.cross_entropy, "0.weight")
    assert "whole" in found.engine
    torch.testing.assert_close(found.values, ablated(model, inputs, targets, "0.weight"), rtol=0, atol=1e-13)
