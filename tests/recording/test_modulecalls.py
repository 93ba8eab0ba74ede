"""Observing calls leaves nothing on a module, and whatever people do with a module works meanwhile."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from weightdesk.recording.modulecalls import ModuleObservation, is_compiled

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

INPUTS = torch.ones(2, 3)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class KeepsAll(Net):
    """Hands out all its attributes, as classes do that leave out one which cannot be pickled."""

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)


@pytest.fixture(params=[Net, KeepsAll])
def observed(request: pytest.FixtureRequest) -> Iterator[tuple[nn.Module, list[str]]]:
    torch.manual_seed(0)
    model, calls = request.param(), list[str]()
    observations = [
        ModuleObservation(module, lambda module, *_: calls.append(type(module).__name__))
        for module in model.modules()
    ]
    yield model, calls
    for observation in observations:
        observation.remove()
    calls.clear()
    model(INPUTS)
    assert not calls
    assert all(module._compiled_call_impl is None for module in model.modules())


def test_the_outputs_of_each_call_are_observed_from_the_inside_out(observed: Any) -> None:
    model, calls = observed
    model(INPUTS)
    assert calls == ["Linear", "ReLU", "Linear", "Sequential", type(model).__name__]


def test_other_modules_of_the_same_class_are_not_observed(observed: Any) -> None:
    type(observed[0])()(INPUTS)
    assert not observed[1]


WAYS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "torch.save": lambda model: torch.load(saved(model), weights_only=False),
}


def saved(model: nn.Module) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_nothing_of_it(way: str, observed: Any) -> None:
    model, calls = observed
    twin = WAYS[way](model)
    assert b"weightdesk" not in pickle.dumps(model)
    if way != "copy":  # a shallow copy shares its layers with the model
        assert torch.equal(twin(INPUTS), twin(INPUTS))
        assert not calls
    assert torch.equal(twin(INPUTS), model(INPUTS))


EXPORTS: dict[str, Callable[[nn.Module], Callable[[Tensor], Tensor]]] = {
    "script": torch.jit.script,
    "trace": lambda model: torch.jit.trace(model, INPUTS, check_trace=False),
    "export": lambda model: torch.export.export(model, (INPUTS,)).module(),
    "strict export": lambda model: torch.export.export(model, (INPUTS,), strict=True).module(),
    "symbolic trace": torch.fx.symbolic_trace,
}


@pytest.mark.parametrize("way", EXPORTS)
def test_an_exported_model_computes_the_same(way: str, observed: Any) -> None:
    model, calls = observed
    exported = EXPORTS[way](model)
    if way != "symbolic trace":  # which calls the modules with proxies
        assert not calls
    assert torch.equal(exported(INPUTS), model(INPUTS))


@pytest.mark.parametrize("fullgraph", [True, False])
def test_compiling_sees_the_graph_that_it_would_see_alone(fullgraph: bool, observed: Any) -> None:
    model, _ = observed

    def graphs_of(model: nn.Module) -> list[str]:
        torch._dynamo.reset()
        graphs: list[str] = []

        def backend(graph: Any, _inputs: Any) -> Any:
            graphs.append(str(graph.graph))
            return graph.forward

        compiled = torch.compile(model, backend=backend, fullgraph=fullgraph)
        for _ in range(2):
            compiled(INPUTS)
        return graphs

    assert graphs_of(model) == graphs_of(type(model)())


def test_removing_does_not_compile_again() -> None:
    torch._dynamo.reset()
    model, graphs = Net(), []
    compiled = torch.compile(model, backend=lambda graph, _: graphs.append(1) or graph.forward)
    observation = ModuleObservation(model, lambda *_: None)
    compiled(INPUTS)
    observation.remove()
    compiled(INPUTS)
    assert len(graphs) == 1


def test_a_module_with_a_compiled_call_keeps_it() -> None:
    model, calls = Net(), []
    observation = ModuleObservation(model, lambda *_: calls.append(1))
    assert not is_compiled(model)
    model.compile(backend="eager")
    assert is_compiled(model)
    assert model(INPUTS).shape == (2, 2)
    observation.remove()
    assert is_compiled(model)
    assert not calls


def test_two_observers_of_one_module_do_not_disturb_each_other() -> None:
    model, calls = nn.Linear(3, 2), []
    first = ModuleObservation(model, lambda *_: calls.append("first"))
    second = ModuleObservation(model, lambda *_: calls.append("second"))
    model(INPUTS)
    first.remove()
    first.remove()
    model(INPUTS)
    second.remove()
    model(INPUTS)
    assert calls == ["first", "second", "second"]


def test_hooks_of_the_user_run_before_the_observer() -> None:
    model, outputs = nn.Linear(3, 2), []
    model.register_forward_hook(lambda *_: torch.zeros(1))
    observation = ModuleObservation(model, lambda *call: outputs.append(call[3]))
    model(INPUTS)
    observation.remove()
    assert torch.equal(outputs[0], torch.zeros(1))


def test_an_observer_that_fails_is_called_no_more() -> None:
    model, calls = nn.Linear(3, 2), []
    failing = ModuleObservation(model, lambda *_: calls.append(1) or 1 / 0)
    other = ModuleObservation(model, lambda *_: calls.append(2))
    with pytest.warns(RuntimeWarning, match="observes calls of a Linear no more: ZeroDivisionError"):
        model(INPUTS)
    model(INPUTS)
    assert calls == [1, 2, 2]
    failing.remove()
    other.remove()
    assert model._compiled_call_impl is None


def test_a_class_that_is_pickled_by_value_gets_the_default() -> None:
    observation = ModuleObservation(Net(), lambda *_: None)
    slot = vars(Net)["_compiled_call_impl"]
    observation.remove()
    assert copy.deepcopy(slot) is None
    assert pickle.loads(pickle.dumps(slot)) is None
