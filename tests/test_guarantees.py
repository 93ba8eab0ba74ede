"""What a recording promises whatever is trained, in one place and table-driven.

- The training ends with the same bits with and without `watch`.
- No hook stays behind, also after an error.
- What is recorded is what the optimizer saw, and the move is what it did.
- An error in the recording never reaches the training.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from trainings import run_steps, small_batch, small_network

from weightdesk import open_run, watch
from weightdesk.recording import modulecalls
from weightdesk.runs.stores import LocalStore

STEPS = 7

OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    name: lambda parameters, kind=kind: kind(parameters, lr=0.01)
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind)
    and issubclass(kind, torch.optim.Optimizer)
    and kind is not torch.optim.Optimizer
    and name not in {"SparseAdam", "Muon", "LBFGS"}  # of their own kind, below
} | {
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam amsgrad": lambda p: torch.optim.Adam(p, amsgrad=True, foreach=True),
    "Adam fused": lambda p: torch.optim.Adam(p, fused=True),
    "Adam tensor lr": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01), foreach=False),
    "SGD maximize": lambda p: torch.optim.SGD(p, lr=0.01, maximize=True),
}

Loop = Callable[[nn.Module], Any]


def plain(name: str) -> Loop:
    return lambda model: (OPTIMIZERS[name](list(model.parameters())), run_steps)


def bits(model: nn.Module) -> list[bytes]:
    return [
        each.detach().contiguous().view(torch.uint8).numpy().tobytes()
        for each in model.state_dict().values()
        if each.ndim
    ]


def assert_same_bits(
    train: Callable[[nn.Module, Callable[..., Any]], None], folder: Path, **options: Any
) -> None:
    """Train twice from the same start, the second time watched, and compare."""
    alone, watched = small_network(), small_network()
    torch.manual_seed(1)
    train(alone, lambda optimizer, **_: None)
    torch.manual_seed(1)
    recordings: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(
            watched,
            lambda optimizer, **more: recordings.append(watch(watched, optimizer, folder, **options, **more)),
        )
    recordings[0].close()
    assert bits(alone) == bits(watched)
    assert open_run(folder).status == "finished"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_with_every_optimizer(name: str, tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        optimizer = OPTIMIZERS[name](list(model.parameters()))
        begin(optimizer)
        run_steps(model, optimizer, STEPS)

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)


def test_same_bits_with_a_closure(tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4, line_search_fn="strong_wolfe")
        begin(optimizer)
        for step in range(3):
            inputs, targets = small_batch(step)

            def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs), targets)
                loss.backward()
                return loss

            optimizer.step(closure)

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)


def test_same_bits_with_a_matrix_optimizer(tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        matrices = [each for each in model.parameters() if each.ndim == 2]
        optimizer = torch.optim.Muon(matrices, lr=0.01)
        begin(optimizer)
        run_steps(model, optimizer, STEPS)

    assert_same_bits(train, tmp_path / "run", cost=None)


def test_same_bits_with_two_optimizers(tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        parameters = list(model.parameters())
        first = torch.optim.SGD(parameters[:4], lr=0.1)
        second = torch.optim.Adam(parameters[4:])
        begin([first, second])
        for step in range(STEPS):
            inputs, targets = small_batch(step)
            model.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            first.step()
            second.step()

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    assert run.last_step == 2 * STEPS
    assert torch.equal(run.update("0.weight", 0), run.weights("0.weight", 1) - run.weights("0.weight", 0))
    assert torch.equal(run.update("6.weight", 1), run.weights("6.weight", 2) - run.weights("6.weight", 1))


def test_same_bits_with_accumulation_clipping_and_a_schedule(tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
        begin(optimizer)
        for step in range(STEPS):
            optimizer.zero_grad()
            for part in range(3):
                inputs, targets = small_batch(3 * step + part)
                nn.functional.cross_entropy(model(inputs), targets).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            schedule.step()

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    squares = sum(run.gradient(name, 3).square().sum() for name in run.parameters)
    assert squares.sqrt().item() == pytest.approx(0.1, rel=1e-4)


def test_same_bits_under_autocast(tmp_path: Path) -> None:
    def train(model: nn.Module, begin: Callable[[Any], Any]) -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        begin(optimizer)
        for step in range(STEPS):
            inputs, targets = small_batch(step)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)


@pytest.mark.parametrize("fused", [True, False])
def test_gradients_are_unscaled_under_a_gradient_scaler(fused: bool, tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.Adam(model.parameters(), fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    inputs, targets = small_batch()
    expected = torch.autograd.grad(
        nn.functional.cross_entropy(model(inputs), targets), list(model.parameters())
    )
    with watch(model, optimizer, tmp_path / "run", every=1):
        scaler.scale(nn.functional.cross_entropy(model(inputs), targets)).backward()
        scaler.step(optimizer)
        scaler.update()
    run = open_run(tmp_path / "run")
    for (name, _), gradient in zip(model.named_parameters(), expected, strict=True):
        torch.testing.assert_close(run.gradient(name, 0), gradient, rtol=1e-5, atol=1e-8)


CLIPPING: dict[str, Callable[[nn.Module], object]] = {
    "nothing": lambda model: None,
    "clip_grad_norm_": lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.05),
    "clip_grad_value_": lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.01),
    "data.clamp_": lambda model: [each.grad.data.clamp_(-0.01, 0.01) for each in model.parameters()],
}


@pytest.mark.parametrize("clipping", CLIPPING)
@pytest.mark.parametrize("scaling", ["none", "unscaled", "unscaled and fused", "fused"])
def test_gradients_before_and_after_clipping_are_exact(clipping: str, scaling: str, tmp_path: Path) -> None:
    expected: list[dict[str, Tensor]] = []

    def train(model: nn.Module, begin: Callable[..., Any]) -> None:
        expected.clear()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused="fused" in scaling)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaling != "none")
        begin(optimizer, scaler=scaler)
        for step in range(STEPS):
            optimizer.zero_grad()
            for part in range(2):
                inputs, targets = small_batch(2 * step + part)
                scaler.scale(nn.functional.cross_entropy(model(inputs), targets)).backward()
            gradients = {f"{name}@backward": each.grad.clone() for name, each in model.named_parameters()}
            if "unscaled" in scaling:
                scaler.unscale_(optimizer)
            CLIPPING[clipping](model)
            gradients |= {f"{name}@seen": each.grad.clone() for name, each in model.named_parameters()}
            scales = {"@backward": scaler.get_scale(), "@seen": 1024.0 if scaling == "fused" else 1.0}
            expected.append({key: each / scales[key[key.index("@") :]] for key, each in gradients.items()})
            scaler.step(optimizer)
            scaler.update()

    assert_same_bits(train, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    for step, gradients in enumerate(expected):
        with safe_open(tmp_path / "run" / "snapshots" / f"{step:08d}.extra.safetensors", "pt") as file:
            shared = file.metadata()
            for name in run.parameters:
                left = file.get_tensor(shared.get(f"{name}@backward_gradient", f"{name}@backward_gradient"))
                assert torch.equal(left, gradients[f"{name}@backward"])
                assert torch.equal(run.gradient(name, step), gradients[f"{name}@seen"])
                assert run.state(name, step).keys() <= {"step", "exp_avg", "exp_avg_sq"}
            is_shared = {name for name in run.parameters if f"{name}@backward_gradient" in shared}
            assert (is_shared == set(run.parameters)) == (clipping == "nothing")


def test_recorded_gradients_and_updates_are_exact(tmp_path: Path) -> None:
    model = small_network()
    reference: list[list[Tensor]] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for step in range(STEPS):
            inputs, targets = small_batch(step)
            buffers = {name: each.clone() for name, each in model.named_buffers()}
            loss = nn.functional.cross_entropy(model(inputs), targets)
            reference.append([each.clone() for each in torch.autograd.grad(loss, list(model.parameters()))])
            with torch.no_grad():  # the second pass sees the same running statistics
                for name, each in model.named_buffers():
                    each.copy_(buffers[name])
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    run = open_run(tmp_path / "run")
    assert run.steps == tuple(range(STEPS + 1))
    for step in range(STEPS):
        for i, name in enumerate(run.parameters):
            assert torch.equal(run.gradient(name, step), reference[step][i])
            assert torch.equal(run.update(name, step), run.weights(name, step + 1) - run.weights(name, step))


def hooks_on_modules(model: nn.Module) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())


def hooks_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    count = hooks_on_modules(model)
    count += sum(len(each._post_accumulate_grad_hooks or ()) for each in model.parameters())
    return count + len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)


@pytest.mark.parametrize("error", [None, ValueError("mine"), KeyboardInterrupt()])
def test_no_hook_stays_behind(error: BaseException | None, tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.Adam(model.parameters())

    def fail(step: int, loss: Tensor) -> None:
        if error is not None and step == 2:
            raise error

    if error is None:
        with watch(model, optimizer, tmp_path / "run"):
            assert hooks_of(model, optimizer) == 2 + len(list(model.parameters()))
            assert not hooks_on_modules(model)
            assert modulecalls._observers
            run_steps(model, optimizer, 4)
    else:
        with pytest.raises(type(error)), watch(model, optimizer, tmp_path / "run"):
            run_steps(model, optimizer, 4, fail)
    assert hooks_of(model, optimizer) == 0
    assert not modulecalls._observers
    assert all(module._compiled_call_impl is None for module in model.modules())
    status = {type(None): "finished", ValueError: "failed", KeyboardInterrupt: "interrupted"}[type(error)]
    assert open_run(tmp_path / "run").status == status


@pytest.mark.parametrize("seed", range(12))
def test_a_store_that_fails_at_a_random_write_leaves_the_training_untouched(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, watched = small_network(), small_network()
    run_steps(alone, torch.optim.Adam(alone.parameters()), 30)
    write, left = LocalStore.write, random.Random(seed).randint(1, 25)

    def failing(self: LocalStore, name: str, fill: Callable[[Path], object]) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, "No space left on device")
        return write(self, name, fill)

    optimizer = torch.optim.Adam(watched.parameters())
    recording = watch(watched, optimizer, tmp_path / "run", cost=None, flush=0.01, every=2)
    monkeypatch.setattr(LocalStore, "write", failing)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run_steps(watched, optimizer, 30, lambda step, loss: recording.log(loss=loss))
        recording.close()
    assert bits(alone) == bits(watched)
    assert [str(each.message) for each in seen if "stopped recording" in str(each.message)]
    assert len(seen) == 1
    run = open_run(tmp_path / "run")
    assert run.status == "stopped"
    assert "No space left" in (run.manifest.note or "")
    for step in run.steps:
        assert run.weights("0.weight", step).isfinite().all()
