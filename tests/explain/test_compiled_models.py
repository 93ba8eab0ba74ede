"""A model that was really compiled is explained as the one that was not, and stays compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain import (
    explain_dependence,
    explain_gradient,
    explain_unit,
    feature_importance,
    importance,
)
from weightdesk.explain.compiled import as_written, plain_name, uncompiled


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4)).double()
    layers.register_forward_hook(lambda *_: None)
    return layers


def wrapped(backend: str) -> Callable[[nn.Sequential], nn.Module]:
    return lambda model: torch.compile(model, backend=backend)  # type: ignore[return-value]


def in_place(model: nn.Sequential) -> nn.Module:
    model.compile(backend="aot_eager")
    return model


def in_part(model: nn.Sequential) -> nn.Module:
    model[0] = torch.compile(model[0], backend="aot_eager")  # type: ignore[assignment]
    return model


COMPILED = {
    "eager": wrapped("eager"),
    "aot_eager": wrapped("aot_eager"),
    "in place": in_place,
    "in part": in_part,
}


@pytest.fixture(autouse=True)
def _fresh_compiler() -> None:
    torch.compiler.reset()


def answers(model: nn.Module, name: str) -> dict[str, Any]:
    """What every explanation says of the first layer."""
    inputs = torch.linspace(-1, 9, 18).view(6, 3).double().sin()
    batch = model, inputs, torch.tensor([0, 1, 2, 3, 0, 1]), functional.cross_entropy
    unit, gradient = explain_unit(model, inputs, name, 1, 1), explain_gradient(*batch, name, (0, 0))
    features = feature_importance(*batch, steps=3, repeats=2)
    found = {
        "terms": unit.product,
        "z": torch.tensor(unit.recorded),
        "contributions": gradient.contributions.product,
        "examples": gradient.examples,
        "target classes": torch.tensor([*gradient.target_classes().values()]),
        "delta": torch.tensor([part.product for part in gradient.delta(0).parts]),
        "without": torch.tensor(explain_dependence(*batch, name, (0, 0)).without),
        "features by weights": features.weights,
        "features by gradients": features.signed,
        "features by permutation": features.permutation,
    }
    for method in ("ablation", "taylor"):
        found[method] = importance(*batch, name, method).values
    return found


def hooks(model: nn.Module) -> list[tuple[int, int]]:
    return [(len(each._forward_hooks), len(each._forward_pre_hooks)) for each in model.modules()]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("way", COMPILED)
def test_a_compiled_model_is_explained_alike_and_stays_compiled(way: str, training: bool) -> None:
    expected = answers(network().train(training), "0.weight")
    model = COMPILED[way](network()).train(training)
    inputs = torch.randn(6, 3).double()
    before, known = model(inputs).detach().clone(), hooks(model)
    state = {name: each.clone() for name, each in model.state_dict().items()}
    name = next(name for name, _ in model.named_parameters())
    for each in sorted({name, plain_name(name)}):
        for what, value in answers(model, each).items():
            # What the compiled part of a network is followed through decides only on the way to it.
            torch.testing.assert_close(value, expected[what], rtol=1e-9, atol=1e-12, msg=f"{each}: {what}")
    assert hooks(model) == known
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert torch.equal(model(inputs), before)


def test_nothing_of_the_explanation_is_compiled() -> None:
    graphs: list[Any] = []

    def backend(graph: Any, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    model, inputs = network().eval(), torch.ones(6, 3).double()
    model.compile(backend=backend)
    model(inputs)
    made = len(graphs)
    assert made
    answers(model, "0.weight")
    model(inputs)  # runs what was compiled before
    assert len(graphs) == made


def test_threads_that_overlap_leave_the_compiler_as_it_was() -> None:
    stances: list[Any] = []
    inside, other = threading.Event(), threading.Event()

    def first() -> None:
        with as_written():
            inside.set()
            other.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with as_written():
        other.set()
        thread.join(10)
        stances.append(stance())
    assert [*stances, stance()] == ["force_eager", "default"]


def stance() -> str:
    return str(torch._dynamo.eval_frame._stance.stance)


def test_only_the_wrapper_is_taken_off() -> None:
    model = network()
    assert uncompiled(model) is model
    assert uncompiled(torch.compile(model, backend="eager")) is model  # type: ignore[arg-type]
    assert plain_name("my_orig_mod.weight") == "my_orig_mod.weight"
