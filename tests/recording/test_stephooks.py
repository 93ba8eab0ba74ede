"""Optimizers inside optimizers, closures, failures, compiled steps: one step a step, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from weightdesk import check, open_run, watch

STEPS = 6


class Wrapper(Optimizer):
    """An optimizer around another one, as packages write them."""

    def __init__(self, inner: Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})

    @property
    def parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]


class Lookahead(Wrapper):
    """Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", 2019."""

    count = 0

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        if not self.count:
            self.slow = [parameter.detach().clone() for parameter in self.parameters]
        loss = self.inner.step(closure)
        self.count += 1
        if self.count % 2 == 0:
            for slow, parameter in zip(self.slow, self.parameters, strict=True):
                slow.lerp_(parameter.detach(), 0.5)
                parameter.data.copy_(slow)
        return loss


class Centralised(Wrapper):
    """Yong et al., "Gradient Centralization", 2020: changes the gradients that it hands on."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for parameter in self.parameters:
            if parameter.grad is not None and parameter.ndim > 1:
                parameter.grad.sub_(parameter.grad.mean(1, keepdim=True))
        self.inner.step()
        return loss


class SharpnessAware(Wrapper):
    """Foret et al., "Sharpness-Aware Minimization", 2021: the gradient is taken at other weights."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        assert closure is not None
        before = [parameter.detach().clone() for parameter in self.parameters]
        for parameter in self.parameters:
            parameter.add_(parameter.grad, alpha=0.1)
        with torch.enable_grad():
            loss = closure()
        for parameter, weights in zip(self.parameters, before, strict=True):
            parameter.copy_(weights)
        self.inner.step()
        return loss


class Pair(Wrapper):
    """Several optimizers behind one."""

    def __init__(self, inner: Optimizer, other: Optimizer) -> None:
        super().__init__(inner)
        self.other = other
        for group in other.param_groups:
            self.add_param_group(group)

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        self.inner.step()
        self.other.step()
        return None


class Spy(Adam):
    """An inner optimizer that keeps the gradients which it is given."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.given: list[dict[int, Tensor]] = []

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.given.append(
            {
                id(p): p.grad.clone()
                for group in self.param_groups
                for p in group["params"]
                if p.grad is not None
            }
        )
        super().step()
        return loss


MAKERS: dict[str, Callable[[nn.Module], tuple[Optimizer, list[Spy]]]] = {
    "lookahead": lambda model: wrapped(Lookahead, model),
    "centralised": lambda model: wrapped(Centralised, model),
    "sharpness-aware": lambda model: wrapped(SharpnessAware, model),
    "twice": lambda model: twice(model),
    "pair": lambda model: pair(model),
}


def wrapped(kind: type[Wrapper], model: nn.Module) -> tuple[Optimizer, list[Spy]]:
    spy = Spy(model.parameters(), lr=0.01)
    return kind(spy), [spy]


def twice(model: nn.Module) -> tuple[Optimizer, list[Spy]]:
    inner, spies = wrapped(Centralised, model)
    return Lookahead(inner), spies


def pair(model: nn.Module) -> tuple[Optimizer, list[Spy]]:
    spies = [Spy(layer.parameters(), lr=0.01) for layer in (model[0], model[2])]
    return Pair(*spies), spies


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("inner_is_watched", [False, True])
@pytest.mark.parametrize("closure", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_a_wrapper_makes_one_step_a_step_with_its_true_gradient_and_update(
    name: str,
    closure: bool,
    inner_is_watched: bool,
    streams: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if streams:
        monkeypatch.setattr("weightdesk.recording.keeper.STREAMED", 0)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer, spies = MAKERS[name](model)
    with_closure = name == "sharpness-aware" or (closure and name != "pair")
    watched: Any = spies if inner_is_watched else optimizer
    moves: list[dict[str, Tensor]] = []

    def compute() -> Tensor:
        optimizer.zero_grad()
        loss = model(torch.full((5, 3), len(moves) / 3.0)).square().mean()
        loss.backward()
        return loss

    with watch(model, watched, tmp_path / "run", every=1, cost=None) as recording:
        for _ in range(STEPS):
            before = {name: each.detach().clone() for name, each in model.named_parameters()}
            compute()
            optimizer.step(compute) if with_closure else optimizer.step()
            moves.append({name: each.detach() - before[name] for name, each in model.named_parameters()})
        assert recording.step == STEPS
    run = open_run(tmp_path / "run")
    parameters = dict(model.named_parameters())
    for step, move in enumerate(moves):
        for parameter, change in move.items():
            assert torch.equal(run.update(parameter, step), change), (step, parameter)
            given = next(
                spy.given[step][id(parameters[parameter])]
                for spy in spies
                if id(parameters[parameter]) in spy.given[step]
            )
            assert torch.equal(run.gradient(parameter, step), given), (step, parameter)
            assert "exp_avg" in run.state(parameter, max(step, 1))
    rows = run.statistics.to_pylist()
    assert len(rows) == len({(row["step"], row["parameter"], row["kind"]) for row in rows})
    gradients = {(row["step"], row["parameter"]): row["abs_max"] for row in rows if row["kind"] == "gradient"}
    sampled = run.sampled.to_pylist()
    assert len(sampled) == len({(row["step"], row["parameter"], row["index"]) for row in sampled})
    for row in sampled:
        gradient = run.gradient(row["parameter"], row["step"]).flatten()
        weights = run.weights(row["parameter"], row["step"]).flatten()
        assert row["gradient"] == gradient[row["index"]].item()
        assert row["weight"] == weights[row["index"]].item()
        assert gradients[row["step"], row["parameter"]] == pytest.approx(gradient.abs().max().item())
    assert not [finding for finding in check(tmp_path / "run") if finding.rule == "optimizer_reset"]


def test_a_wrapper_that_is_met_on_the_way_counts_its_own_steps(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    inner = Adam(model.parameters(), lr=0.01)
    with watch(model, inner, tmp_path / "run", every=1) as recording:
        outer = Lookahead(inner)
        for _ in range(4):
            model(torch.ones(2, 3)).sum().backward()
            outer.step()
        assert recording.step == 4


def test_a_step_that_fails_after_an_inner_one_counts_since_it_moved_weights(tmp_path: Path) -> None:
    class Failing(Wrapper):
        fails = True

        def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
            self.inner.step()
            if self.fails:
                raise ArithmeticError
            return None

    model = nn.Linear(3, 2)
    optimizer = Failing(SGD(model.parameters(), lr=0.1))
    with watch(model, optimizer, tmp_path / "run", every=1, cost=None) as recording:
        model(torch.ones(2, 3)).sum().backward()
        with pytest.raises(ArithmeticError):
            optimizer.step()
        optimizer.fails = False
        optimizer.step()
        assert recording.step == 2
    run = open_run(tmp_path / "run")
    assert run.gradient_steps == (1,)
    assert torch.equal(run.update("weight", 1), run.weights("weight", 2) - run.weights("weight", 1))
    assert run.sampled.num_rows == 2 * 8


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("compiled_first", [True, False])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_compiled_step_has_the_same_bits_and_all_its_steps(
    kind: Callable[..., Optimizer], compiled_first: bool, tmp_path: Path
) -> None:
    def train(folder: Path | None) -> tuple[nn.Module, int]:
        torch._dynamo.reset()
        torch.manual_seed(0)
        model, graphs = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), []
        optimizer = kind(model.parameters(), lr=0.01)

        def compiled() -> Callable[[], Any]:
            return torch.compile(optimizer.step, backend=lambda graph, _: graphs.append(1) or graph.forward)

        step = compiled() if compiled_first else None
        recording = None if folder is None else watch(model, optimizer, folder, every=1)
        step = step or compiled()
        for index in range(4):
            optimizer.zero_grad()
            model(torch.full((5, 3), 1.0 + index)).square().mean().backward()
            step()
        if recording is not None:
            recording.close()
            assert recording.step == 4
        return model, len(graphs)

    alone, compilations = train(None)
    watched, compilations_watched = train(tmp_path / "run")
    for one, other in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert compilations == compilations_watched
    assert open_run(tmp_path / "run").gradient_steps == (0, 1, 2, 3)
