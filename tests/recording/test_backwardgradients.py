"""What is kept of gradients before they are clipped, in all sorts of loops."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from trainings import run_steps, small_network

from weightdesk import open_run, watch
from weightdesk.errors import WatchError
from weightdesk.recording.backwardgradients import BackwardGradients


def backward_gradient(folder: Path, step: int, name: str) -> Tensor | None:
    """What the extra file of a step holds, read without weightdesk."""
    key = f"{name}@backward_gradient"
    with safe_open(folder / "snapshots" / f"{step:08d}.extra.safetensors", "pt") as file:
        key = file.metadata().get(key, key)
        return file.get_tensor(key) if key in file.keys() else None  # noqa: SIM118  # it is no mapping


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))


def hooks_of(model: nn.Module) -> int:
    return sum(len(each._post_accumulate_grad_hooks or ()) for each in model.parameters())


def in_parts(model: nn.Sequential) -> Callable[[Tensor], Tensor]:
    return lambda inputs: model[2](model[1](model[0](inputs)))


def descend(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    most: float = 1e-3,
    call: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """One clipped step; returns the first gradient as backward left it."""
    optimizer.zero_grad()
    (call or model)(torch.ones(3, 4)).square().sum().backward()
    left: Tensor = next(model.parameters()).grad.clone()
    nn.utils.clip_grad_value_(model.parameters(), most)
    optimizer.step()
    return left


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parameters whose hooks torch has called."""
    names: list[str] = []
    make = BackwardGradients._hook

    def counted(own: BackwardGradients, name: str, parameter: nn.Parameter) -> Callable[..., None]:
        hook = make(own, name, parameter)
        return lambda *arguments: names.append(name) or hook(*arguments)

    monkeypatch.setattr(BackwardGradients, "_hook", counted)
    return names


def test_gradients_are_hooked_only_where_a_snapshot_is_due(tmp_path: Path, calls: list[str]) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    hooked, left = [], []
    with watch(model, optimizer, tmp_path / "run", every=3) as recording:
        for _ in range(7):
            left.append(descend(model, optimizer))
            hooked.append(len(calls))
            calls.clear()
        assert recording.status == "running"
    assert hooked == [4, 0, 0, 4, 0, 0, 4]
    descend(model, optimizer)
    assert not calls
    assert all(each._post_accumulate_grad_hooks is None for each in model.parameters())
    for step in (0, 3, 6):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), left[step])
        assert open_run(tmp_path / "run").gradient("0.weight", step).abs().max() <= 1e-3


def test_parameters_are_hooked_themselves_if_every_step_is_kept(tmp_path: Path, calls: list[str]) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run"):
        for _ in range(3):
            assert hooks_of(model) == 4
            descend(model, optimizer)
    assert len(calls) == 12
    assert hooks_of(model) == 0


@pytest.mark.parametrize("call", [in_parts, lambda model: model.forward])
def test_a_model_whose_parts_are_called_tells_from_the_first_step_on(
    call: Callable[[nn.Sequential], Callable[[Tensor], Tensor]], tmp_path: Path, calls: list[str]
) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        left = [descend(model, optimizer, call=call(model)) for _ in range(3)]
    assert len(calls) == 12
    assert all(each._post_accumulate_grad_hooks is None for each in model.parameters())
    for step in range(3):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), left[step])


def test_parameters_that_no_call_uses_are_hooked_themselves_from_the_second_step_on(
    tmp_path: Path, calls: list[str]
) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def by_hand(inputs: Tensor) -> Tensor:
        return torch.tanh(inputs @ model[0].weight.T + model[0].bias) @ model[2].weight.T + model[2].bias

    with watch(model, optimizer, tmp_path / "run", every=1):
        left = [descend(model, optimizer, call=by_hand) for _ in range(3)]
    assert len(calls) == 8
    assert backward_gradient(tmp_path / "run", 0, "0.weight") is None
    for step in (1, 2):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), left[step])


def test_gradients_of_a_transformation_are_recorded(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(model, parameters, (torch.ones(3, 4),)).square().sum()

    with watch(model, optimizer, tmp_path / "run", every=1) as recording:
        for _ in range(2):
            gradients = torch.func.grad(loss)(dict(model.named_parameters()))
            for name, parameter in model.named_parameters():
                parameter.grad = gradients[name]
            optimizer.step()
        assert recording.status == "running"
        descend(model, optimizer)
    run = open_run(tmp_path / "run")
    assert run.gradient_steps == (0, 1, 2)
    assert torch.equal(run.gradient("0.weight", 1), gradients["0.weight"])
    assert backward_gradient(tmp_path / "run", 2, "0.weight") is not None


def test_a_parameter_may_grow_in_its_place(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    left = []
    with watch(model, optimizer, tmp_path / "run", every=1) as recording:
        for step in range(4):
            if step == 2:
                model[2].weight.data, model[2].bias.data = torch.ones(2, 3), torch.ones(2)
                model[2].weight.grad = model[2].bias.grad = None
            left.append(descend(model, optimizer))
        assert recording.status == "running"
    for step in range(4):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), left[step])


def test_an_evaluation_and_several_passes_before_a_step_are_told_apart(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        with torch.no_grad():
            model(torch.ones(3, 4))
        for scale in (1.0, 2.0):
            model(scale * torch.ones(3, 4)).square().sum().backward()
        left = model[0].weight.grad.clone()
        nn.utils.clip_grad_value_(model.parameters(), 1e-3)
        optimizer.step()
    assert torch.equal(backward_gradient(tmp_path / "run", 0, "0.weight"), left)


def test_an_error_in_a_hook_ends_the_recording_and_leaves_the_training(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, watched = network(), network()
    monkeypatch.setattr(BackwardGradients, "_keep", lambda *_: 1 / 0)
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (alone, watched)]
    recording = watch(watched, optimizers[1], tmp_path / "run", every=1)
    descend(alone, optimizers[0])
    with pytest.warns(RuntimeWarning, match="stopped recording at step 0: ZeroDivisionError"):
        descend(watched, optimizers[1])
    assert hooks_of(watched) == 0
    calls.clear()
    descend(alone, optimizers[0])
    descend(watched, optimizers[1])
    assert not calls
    recording.close()
    assert torch.equal(alone[0].weight, watched[0].weight)
    assert open_run(tmp_path / "run").status == "stopped"


def test_an_optimizer_within_backward_leaves_nothing_to_keep(tmp_path: Path) -> None:
    model = network()
    optimizers = {each: torch.optim.SGD([each], lr=0.1) for each in model.parameters()}

    def step(parameter: Tensor) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for each in model.parameters():
        each.register_post_accumulate_grad_hook(step)
    with watch(model, list(optimizers.values()), tmp_path / "run", every=1) as recording:
        for _ in range(2):
            model(torch.ones(3, 4)).square().sum().backward()
        assert (recording.step, recording.status) == (8, "running")
    run = open_run(tmp_path / "run")
    moved = [step for step in range(8) if backward_gradient(tmp_path / "run", step, "2.bias") is not None]
    assert moved == []
    assert run.gradient_history("2.bias", 0).values.isfinite().any()


def test_gradients_without_a_backward_are_not_kept(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        descend(model, optimizer)
        for each in model.parameters():
            each.grad = torch.ones_like(each)
        optimizer.step()
    assert backward_gradient(tmp_path / "run", 0, "0.weight") is not None
    assert backward_gradient(tmp_path / "run", 1, "0.weight") is None


def test_sparse_gradients_are_not_kept(tmp_path: Path) -> None:
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    with watch(table, optimizer, tmp_path / "run", every=1):
        table(torch.tensor([1, 2])).square().sum().backward()
        optimizer.step()
    assert backward_gradient(tmp_path / "run", 0, "weight") is None
    assert open_run(tmp_path / "run").gradient("weight", 0).any()


def test_one_backward_serves_two_optimizers(tmp_path: Path) -> None:
    model = network()
    optimizers = [torch.optim.SGD(model[i].parameters(), lr=0.1) for i in (0, 2)]
    left: list[dict[str, Tensor]] = []
    with watch(model, optimizers, tmp_path / "run", every=1):
        for _ in range(2):
            model.zero_grad()
            model(torch.ones(3, 4)).square().sum().backward()
            left.append({name: each.grad.clone() for name, each in model.named_parameters()})
            nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
            for optimizer in optimizers:
                optimizer.step()
    for step, name in ((0, "0.weight"), (1, "2.weight"), (2, "0.bias"), (3, "2.bias")):
        assert torch.equal(backward_gradient(tmp_path / "run", step, name), left[step // 2][name])


def test_of_a_closure_the_first_run_counts(tmp_path: Path) -> None:
    model, first = network(), []
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model(torch.ones(3, 4)).square().sum()
        loss.backward()
        seen.append(model[0].weight.grad.clone())
        nn.utils.clip_grad_norm_(model.parameters(), 1e-2)
        return loss

    with watch(model, optimizer, tmp_path / "run", every=1):
        for _ in range(2):
            seen: list[Tensor] = []
            optimizer.step(closure)
            first.append(seen[0])
            assert len(seen) > 1
    for step in range(2):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), first[step])


@pytest.mark.filterwarnings("ignore:Using backward:UserWarning")
def test_graphs_of_the_gradient_and_copies_of_the_model_are_let_be(tmp_path: Path, calls: list[str]) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run"):
        for _ in range(2):  # the second pass writes over the copy of the first
            model(torch.ones(3, 4)).square().sum().backward(create_graph=True)
        left = model[0].weight.grad.detach().clone()
        twin = copy.deepcopy(model)
        assert (hooks_of(model), hooks_of(twin)) == (4, 0)
        assert calls == [*calls[:4], *calls[:4]]
        twin(torch.ones(3, 4)).sum().backward()
        assert len(calls) == 8
        optimizer.step()
        model.zero_grad()
    kept = backward_gradient(tmp_path / "run", 0, "0.weight")
    assert torch.equal(kept, left)


@pytest.mark.parametrize("every", [1, 2])
def test_a_compiled_model_is_not_compiled_again(every: int, tmp_path: Path) -> None:
    torch._dynamo.reset()
    model = network()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(compiled, optimizer, tmp_path / "run", every=every):
        left = [descend(compiled, optimizer) for _ in range(5)]
    assert counter.frame_count == 1
    for step in range(0, 5, every):
        assert torch.equal(backward_gradient(tmp_path / "run", step, "0.weight"), left[step])


def test_a_gradient_that_nobody_clipped_takes_no_room(tmp_path: Path) -> None:
    sizes = {}
    clippings: dict[str, Callable[[nn.Module], object]] = {
        "none": lambda model: None,
        "norm": lambda model: nn.utils.clip_grad_norm_(model.parameters(), 1e-3),
    }
    for name, clip in clippings.items():
        model = small_network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.register_step_pre_hook(lambda *_, clip=clip, model=model: clip(model) and None)
        with watch(model, optimizer, tmp_path / name, every=1):
            run_steps(model, optimizer, 1)
        sizes[name] = (tmp_path / name / "snapshots" / "00000000.extra.safetensors").stat().st_size
    weights = 4 * sum(each.numel() for each in model.parameters())
    assert sizes["norm"] - sizes["none"] == pytest.approx(weights, abs=1500)  # but for the headers


def test_what_is_no_scaler_is_refused(tmp_path: Path) -> None:
    model = network()
    with pytest.raises(WatchError, match=r"scaler is the torch\.amp\.GradScaler of the training.*got float"):
        watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", scaler=1.0)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
