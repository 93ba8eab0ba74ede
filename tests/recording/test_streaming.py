"""Snapshots of large models, held against what the training itself saw; here every model counts as large."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn

from weightdesk import open_run, watch
from weightdesk.errors import StepNotKeptError
from weightdesk.recording import keeper
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.recorder import Recorder
from weightdesk.recording.snapshot import Snapshot

Truth = dict[int, dict[str, Tensor]]


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "STREAMED", 0)


class Odd(nn.Module):
    """Tied, transposed, frozen and unused parameters, views of one flat buffer, and buffers of all types."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight
        self.turned = nn.Parameter(torch.randn(4, 5).t())
        flat = torch.randn(8)
        self.left, self.right = nn.Parameter(flat[:3]), nn.Parameter(flat[3:])
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.none = nn.Parameter(torch.empty(0, 3))
        self.coarse = nn.Parameter(torch.randn(3, dtype=torch.bfloat16))
        self.frozen = nn.Parameter(torch.randn(2), requires_grad=False)
        self.register_buffer("count", torch.tensor(3))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.norm = nn.BatchNorm1d(4)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.norm(self.embed(tokens) @ (self.turned.t() @ self.turned))
        rest = self.left.sum() * self.right.sum() * self.scale + self.coarse.float().sum()
        return self.head(hidden).square().mean() * rest


def train(folder: Path, steps: int, clip: float | None = None, **options: object) -> Truth:
    """Train and note all down: weights before, gradients before and after clipping, state, update."""
    torch.manual_seed(1)
    model = Odd()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    seen: Truth = {}
    parameters = dict(model.named_parameters())
    with watch(model, optimizer, folder, **options):  # type: ignore[arg-type]
        for step in range(steps):
            optimizer.zero_grad()
            model(torch.randint(0, 7, (9,), generator=torch.Generator().manual_seed(step))).backward()
            now = {name: each.detach().clone() for name, each in model.state_dict().items()}
            for name, each in parameters.items():
                if each.grad is not None:
                    now[f"{name}@backward_gradient"] = each.grad.clone()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            for name, each in parameters.items():
                if each.grad is not None:
                    now[f"{name}@gradient"] = each.grad.clone()
                for key, value in optimizer.state.get(each, {}).items():
                    now[f"{name}@{key}"] = value.clone()
            optimizer.step()
            for name, each in parameters.items():
                now[f"{name}@update"] = each.detach() - now[name]
            seen[step] = now
        seen[steps] = {name: each.detach().clone() for name, each in model.state_dict().items()}
    return seen


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_every_tensor_is_the_one_that_the_training_saw(tmp_path: Path, clip: float | None) -> None:
    truth = train(tmp_path / "run", 6, clip, every=2)
    for step in (0, 2, 4, 6):
        found = load_file(tmp_path / "run" / "snapshots" / f"{step:08d}.safetensors")
        assert found.keys() == {name for name in truth[step] if "@" not in name} - {"head.weight"}
        assert all(torch.equal(found[name], truth[step][name]) for name in found)
        if step == 6:
            continue
        extra = load_file(tmp_path / "run" / "snapshots" / f"{step:08d}.extra.safetensors")
        wanted = {name: each for name, each in truth[step].items() if "@" in name}
        missing = wanted.keys() - extra.keys()
        assert extra.keys() <= wanted.keys()
        assert all(torch.equal(extra[name], wanted[name]) for name in extra)
        # What backward left is written once if nobody changed it.
        assert all(name.endswith("@backward_gradient") for name in missing)
        for name in missing:
            seen = name.replace("@backward_gradient", "@gradient")
            assert torch.equal(wanted[name], wanted[seen])
    run = open_run(tmp_path / "run")
    assert torch.equal(run.weights("head.weight", 4), truth[4]["embed.weight"])
    assert run.state("embed.weight", 4)["step"] == 4
    assert not list((tmp_path / "run" / "snapshots").glob(".*"))


def test_streamed_and_copied_snapshots_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "streamed", 5, 0.1, every=1)
    monkeypatch.setattr(keeper, "STREAMED", 1 << 40)
    train(tmp_path / "copied", 5, 0.1, every=1)
    names = sorted(path.name for path in (tmp_path / "copied" / "snapshots").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "streamed" / "snapshots").iterdir())
    for name in names:
        one, other = (load_file(tmp_path / which / "snapshots" / name) for which in ("streamed", "copied"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_weights_that_were_changed_after_watch_are_those_of_step_0(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        with torch.no_grad():
            model.weight.fill_(0.25)
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    run = open_run(tmp_path / "run")
    assert run.weights("weight", 0).unique().tolist() == [0.25]
    assert torch.equal(run.weights("weight", 0) + run.update("weight", 0), run.weights("weight", 1))


def test_a_parameter_that_changes_its_shape_in_a_step_has_no_update_there(tmp_path: Path) -> None:
    class Pruning(torch.optim.SGD):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            super().step()
            pruned.data = pruned.data[:2]
            pruned.grad = None

    model = nn.Linear(3, 4)
    pruned = model.bias
    optimizer = Pruning(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1, kinds=()) as recording:
        (model.weight.sum() + model.bias.sum()).backward()
        optimizer.step()
        assert recording.status == "running"
    run = open_run(tmp_path / "run")
    assert run.update("weight", 0).shape == (4, 3)
    with pytest.raises(StepNotKeptError, match="no update beside the weights of bias at step 0"):
        run.update("bias", 0)


def test_a_step_that_fails_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    class Failing(torch.optim.SGD):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            if len(self.state) >= 0 and next(iter(self.param_groups))["lr"] == 0:
                raise ArithmeticError("no step")
            super().step()

    model = nn.Linear(3, 2)
    optimizer = Failing(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for lr in (0.1, 0, 0.1):
            optimizer.param_groups[0]["lr"] = lr
            model(torch.ones(1, 3)).sum().backward()
            try:
                optimizer.step()
            except ArithmeticError:
                continue
    gc.collect()
    assert not list((tmp_path / "run" / "snapshots").glob(".*"))
    assert open_run(tmp_path / "run").steps == (0, 1, 2)


def bytes_in(folder: Path) -> int:
    """Bytes of all files in a folder that another thread is writing to, the unfinished ones included."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # it was moved to its place meanwhile, which removes nothing
            total += path.stat().st_size
    return total


def wide(layers: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Linear(64, 64) for _ in range(layers)])


def descend(model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    optimizer.zero_grad()
    inputs = torch.randn(8, 64, generator=torch.Generator().manual_seed(step))
    model(inputs).square().mean().backward()
    optimizer.step()


@settings(max_examples=4, deadline=None)
@given(st.floats(2.5, 60), st.integers(20, 40))
def test_a_small_budget_is_kept_and_what_is_kept_is_right(
    tmp_path_factory: pytest.TempPathFactory, times: float, steps: int
) -> None:
    folder = tmp_path_factory.mktemp("tight") / "run"
    model = wide()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    weights = sum(each.nbytes for each in model.parameters())
    room = 150_000 + int(times * weights)
    truth: Truth = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper, "STREAMED", 0)
        patch.setattr("weightdesk.recording.notes.warn", lambda text: None)
        with watch(model, optimizer, folder, disk=room, cost=None, kinds=()):
            for step in range(steps):
                truth[step] = {name: each.detach().clone() for name, each in model.named_parameters()}
                descend(model, optimizer, step)
                assert bytes_in(folder / "snapshots") <= room - weights
            truth[steps] = {name: each.detach().clone() for name, each in model.named_parameters()}
    run = open_run(folder)
    assert {0, steps} <= set(run.steps)
    for name in run.parameters:
        for step in run.steps_of(name):
            assert torch.equal(run.weights(name, step), truth[step][name])
        for step in run.gradient_steps_of(name):
            assert torch.equal(run.update(name, step), truth[step + 1][name] - truth[step][name])
            assert run.gradient(name, step).shape == run.parameters[name].shape
        history = run.history(name, (0,) * len(run.parameters[name].shape))
        assert set(run.steps_of(name)) <= set(history.steps.tolist())


@pytest.mark.parametrize("times", [12, 1000])
def test_what_the_cost_budget_has_no_time_for_is_kept_in_part(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = wide()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    weights = sum(each.nbytes for each in model.parameters())
    room = 150_000 + times * weights
    monkeypatch.setattr("weightdesk.recording.notes.warn", lambda text: None)
    monkeypatch.setattr(CostBudget, "stride", lambda self, activity, apart=1: 1 << 20)
    monkeypatch.setattr(CostBudget, "may_advance", lambda self, activity: False)
    monkeypatch.setattr(keeper, "is_small", lambda subject, room: False)
    monkeypatch.setattr(CostBudget, "bytes_for_part", lambda self, steps: 40_000 * steps)
    truth: Truth = {}
    left: Truth = {}
    with watch(model, optimizer, tmp_path / "run", disk=room, kinds=()):
        for step in range(30):
            truth[step] = {name: each.detach().clone() for name, each in model.named_parameters()}
            optimizer.zero_grad()
            inputs = torch.randn(8, 64, generator=torch.Generator().manual_seed(step))
            model(inputs).square().mean().backward()
            left[step] = {name: each.grad.clone() for name, each in model.named_parameters()}
            nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
            optimizer.step()
            assert bytes_in(tmp_path / "run" / "snapshots") <= room - weights
        truth[30] = {name: each.detach().clone() for name, each in model.named_parameters()}
    run = open_run(tmp_path / "run")
    assert run.steps == (0, 30)
    parts = {name: [step for step in run.gradient_steps_of(name) if step] for name in run.parameters}
    assert all(parts[name] for name in parts if "bias" in name)
    assert any(parts[name] for name in parts if "weight" in name)
    assert len(parts["0.bias"]) > len(parts["0.weight"])
    for name, steps in parts.items():
        for step in steps:
            assert torch.equal(run.weights(name, step), truth[step][name])
            assert torch.equal(run.update(name, step), truth[step + 1][name] - truth[step][name])
            extra = load_file(tmp_path / "run" / "snapshots" / f"{step:08d}.extra.safetensors")
            assert torch.equal(extra[f"{name}@backward_gradient"], left[step][name])
            assert f"{name}@exp_avg" in extra


def test_partial_snapshots_are_of_all_optimizers_of_a_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = wide(1), wide(1)
    model = nn.ModuleDict({"one": one, "two": two})
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (one, two)]
    monkeypatch.setattr(CostBudget, "stride", lambda self, activity, apart=1: 1 << 20)
    monkeypatch.setattr(CostBudget, "may_advance", lambda self, activity: False)
    monkeypatch.setattr(CostBudget, "bytes_for_part", lambda self, steps: 10**6 * (steps > 7))
    monkeypatch.setattr(keeper, "is_small", lambda subject, room: False)
    with watch(model, optimizers, tmp_path / "run"):
        for _ in range(16):
            for part, optimizer in zip((one, two), optimizers, strict=True):
                descend(part, optimizer, 0)
    run = open_run(tmp_path / "run")
    assert [step for step in run.gradient_steps if step > 1] == [8, 9, 16, 17, 24, 25]
    assert [step for step in run.steps_of("one.0.weight") if step > 1] == [8, 16, 24, 32]
    assert [step for step in run.steps_of("two.0.weight") if step > 1] == [9, 17, 25, 32]


def test_the_user_is_told_once_what_to_set(tmp_path: Path) -> None:
    model = wide()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    weights = sum(each.nbytes for each in model.parameters())
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with watch(model, optimizer, tmp_path / "run", disk=100_000 + 4 * weights, cost=None):
            for step in range(20):
                descend(model, optimizer, step)
    assert len(warned) == 1
    assert "no room for 8 snapshots" in str(warned[0].message)
    run = open_run(tmp_path / "run")
    (note,) = [note for note in run.manifest.recording["notes"] if "disk=" in note]
    assert note in str(warned[0].message)
    assert run.steps == (0, 20)
    parts = [step for step in run.gradient_steps if step not in run.steps]
    assert parts
    (left_out,) = {name for name in run.parameters if parts[-1] not in run.gradient_steps_of(name)} & {
        "0.weight"
    } or {"1.weight"}
    with pytest.raises(StepNotKeptError, match=f"no optimizer state at step {parts[-1]}|nearest kept"):
        run.state(left_out, parts[-1])
    with pytest.raises(StepNotKeptError):
        run.weights(left_out, parts[-1])


def test_what_is_set_as_told_keeps_all(tmp_path: Path) -> None:
    model = wide()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    size = sum(each.nbytes for each in model.parameters())
    with watch(model, optimizer, tmp_path / "run", disk=10**6 + 50 * size, cost=None):
        for step in range(40):
            descend(model, optimizer, step)
    run = open_run(tmp_path / "run")
    assert len(run.steps) >= 5
    assert set(run.gradient_steps) == set(run.steps) - {40}
    assert run.manifest.recording["notes"] == []


def test_statistics_of_a_large_model_are_those_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = []
    for name, limit in (("large", 0), ("small", 1 << 40)):
        monkeypatch.setattr(keeper, "STREAMED", limit)
        train(tmp_path / name, 6, cost=None)
        tables.append(open_run(tmp_path / name).statistics.to_pylist())
    assert json.dumps(tables[0]) == json.dumps(tables[1])


PEAK = textwrap.dedent("""
    import json, sys, time
    from contextlib import suppress
    import torch
    from torch import nn
    with suppress(ImportError):
        import pandas  # pyarrow loads it, if it is there
    import weightdesk, weightdesk.recording.watch
    torch.set_num_threads(1)
    layers, width, watched, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "watched", sys.argv[4]
    model = nn.Sequential(*[nn.Linear(width, width) for _ in range(layers)])
    optimizer = torch.optim.AdamW(model.parameters())
    began = time.perf_counter(), time.process_time()
    recording = weightdesk.watch(model, optimizer, folder, disk="30GB", cost=None) if watched else None
    took = time.perf_counter() - began[0], time.process_time() - began[1]
    for _ in range(int(sys.argv[5])):
        optimizer.zero_grad()
        model(torch.randn(64, width)).square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimizer.step()
    with open("/proc/self/status") as status:  # the largest there ever was, as the kernel counts it
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if recording:
        recording.close()
        assert len(weightdesk.open_run(folder).gradient_steps) > 1
    print(json.dumps([peak, *took]))
""")
OVERHEAD = 40e6
"""Bytes of code and of buffers that recording loads when it begins, whatever the size of the model."""


def peak_of(layers: int, width: int, mode: str, folder: Path, steps: int) -> tuple[float, float, float]:
    """Largest memory of a training in a process of its own; seconds of `watch`, and its processor time."""
    arguments = [sys.executable, "-c", PEAK, str(layers), str(width), mode, str(folder), str(steps)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=dict(os.environ))
    peak, took, processor = json.loads(done.stdout.splitlines()[-1])
    return peak, took, processor


def test_recording_takes_no_memory_for_another_copy_of_the_weights(tmp_path: Path) -> None:
    layers, width = 16, 1024  # 16.8 M weights, 67 MB
    alone, *_ = peak_of(layers, width, "alone", tmp_path / "none", 3)
    watched, *_ = peak_of(layers, width, "watched", tmp_path / "run", 3)
    assert watched - alone <= 1.2 * 4 * width**2 + OVERHEAD


@pytest.mark.heavy
def test_recording_of_124_million_weights(tmp_path: Path) -> None:
    layers, width = 29, 2064  # 123.6 M weights, 494 MB
    alone, *_ = peak_of(layers, width, "alone", tmp_path / "none", 3)
    watched, _, processor = peak_of(layers, width, "watched", tmp_path / "run", 3)
    # Half a copy of the weights is what the allocator was seen to keep, after 166 MB in a run of its own.
    assert watched - alone <= 1.2 * 4 * width**2 + 0.5 * layers * 4 * width**2
    assert processor <= 1.0  # seconds; on a machine of one's own it takes hardly longer by the clock


def test_small_models_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "STREAMED", 1 << 24)
    taken = []
    inner = Recorder._close_snapshot
    monkeypatch.setattr(
        Recorder, "_close_snapshot", lambda self, *rest: (taken.append(rest[1]), inner(self, *rest))[1]
    )
    train(tmp_path / "run", 2, every=1)
    assert [type(each) for each in taken] == [Snapshot, Snapshot]
