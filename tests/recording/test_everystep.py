"""Small models keep every step, whatever that costs, until they would take too much room."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from trainings import small_network

from weightdesk import open_run, watch
from weightdesk.recording import everystep
from weightdesk.recording.everystep import EveryStep, is_small
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.subject import subject_of
from weightdesk.runs.stores import open_store

Truth = dict[int, dict[str, Tensor]]
PROGRESS = struct.Struct("qd")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))


def descend(model: nn.Module, optimizer: torch.optim.Optimizer, step: int, clip: float | None = None) -> None:
    optimizer.zero_grad()
    inputs = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
    model(inputs).square().mean().backward()
    if clip is not None and step % 3:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()


def train(folder: Path, steps: int, clip: float | None = None, **options: object) -> Truth:
    """Train and note every step down; the learning rate halves all the time."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    truth: Truth = {}
    optimizer.register_step_pre_hook(
        lambda *_: truth[len(truth) - 1].update(
            {f"{name}@gradient": each.grad.clone() for name, each in model.named_parameters()}
            | {name: each.clone() for name, each in model.named_buffers()}  # which the forward pass moves
        )
    )
    with watch(model, optimizer, folder, **options):  # type: ignore[arg-type]
        for step in range(steps):
            truth[step] = {name: each.clone() for name, each in model.state_dict().items()}
            truth[step] |= {"lr": torch.tensor(schedule.get_last_lr()[0], dtype=torch.float64)}
            truth[step] |= {
                f"{name}@{key}": value.clone()
                for name, each in model.named_parameters()
                for key, value in optimizer.state.get(each, {}).items()
            }
            descend(model, optimizer, step, clip)
            schedule.step()
        truth[steps] = {name: each.clone() for name, each in model.state_dict().items()}
    return truth


def assert_true(folder: Path, truth: Truth, steps: range) -> None:
    run, last = open_run(folder), max(truth)
    assert run.steps == (*steps, last) if last not in steps else tuple(steps)
    assert run.gradient_steps == tuple(step for step in steps if step < last)
    names = list(run.parameters)
    for step in steps:
        for name in names:
            assert torch.equal(run.weights(name, step), truth[step][name])
            if step == last:
                continue
            assert torch.equal(run.gradient(name, step), truth[step][f"{name}@gradient"])
            assert torch.equal(run.update(name, step), truth[step + 1][name] - truth[step][name])
            assert run.options(name, step)["lr"] == truth[step]["lr"]
            for key, value in run.state(name, step).items():
                assert torch.equal(value, truth[step][f"{name}@{key}"])
        model = network()
        run.load_into(model, step)
        assert all(torch.equal(each, truth[step][name]) for name, each in model.state_dict().items())
    for name in names:
        index = (0,) * len(run.parameters[name].shape)
        history = run.history(name, index)
        assert set(history.steps.tolist()) >= set(run.steps)
        for step, value in zip(history.steps.tolist(), history.values, strict=True):
            assert value == truth[step][name][index]


@pytest.mark.parametrize("clip", [None, 1e-2])
def test_every_step_is_the_one_that_the_training_saw(tmp_path: Path, clip: float | None) -> None:
    truth = train(tmp_path / "run", 70, clip)
    assert_true(tmp_path / "run", truth, range(71))


def test_flushes_make_few_files_of_many_steps(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    with watch(model, optimizer, tmp_path / "run", flush=0.01):
        for step in range(200):
            descend(model, optimizer, step)
            time.sleep(0.002)
    run = open_run(tmp_path / "run")
    assert run.steps == tuple(range(201))
    files = [path.name for path in (tmp_path / "run" / "snapshots").iterdir()]
    assert len(files) < 60
    move = run.explain_move("0.weight", (1, 2))
    assert move.known_steps == 200
    assert abs(move.error) <= 1e-6
    assert move.move == pytest.approx(sum(part.value for part in move.parts), abs=1e-6)


def test_without_room_every_second_step_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everystep, "ROOM", 120_000)
    truth = train(tmp_path / "run", 300, flush=0.02)
    run = open_run(tmp_path / "run")
    strides = {later - earlier for earlier, later in zip(run.steps, run.steps[1:-1], strict=False)}
    (stride,) = strides
    assert stride > 1
    assert stride & (stride - 1) == 0
    assert_true(tmp_path / "run", truth, range(0, 300, stride))
    files = (tmp_path / "run" / "snapshots").glob("*rows*")
    assert sum(path.stat().st_size for path in files) <= 120_000


def test_several_optimizers_keep_all_steps_of_a_round(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    optimizers = [torch.optim.Adam(model[0].parameters()), torch.optim.SGD(model[1].parameters(), lr=0.1)]
    with watch(model, optimizers, tmp_path / "run"):
        for _ in range(20):
            model(torch.ones(2, 3)).square().sum().backward()
            for optimizer in optimizers:
                optimizer.step()
    run = open_run(tmp_path / "run")
    assert run.steps == tuple(range(41))
    assert run.history("0.bias", 0).steps.tolist() == list(range(41))
    assert run.gradient_history("1.bias", 0).steps.tolist() == list(range(1, 41, 2))
    assert len(list((tmp_path / "run" / "snapshots").glob("*rows*"))) <= 8


@pytest.mark.parametrize(
    ("model", "small"),
    [
        (nn.Linear(200, 240), True),
        (nn.Linear(200, 260), False),
        (nn.Sequential(*[nn.Linear(4, 4) for _ in range(32)]), True),
        (nn.Sequential(*[nn.Linear(4, 4) for _ in range(33)]), False),
    ],
)
def test_small_is_said_by_weights_and_tensors(model: nn.Module, small: bool) -> None:
    subject = subject_of(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert is_small(subject, everystep.ROOM) == small
    assert not is_small(subject, 1000)


def test_a_fixed_stride_and_a_small_disk_budget_are_kept_to(tmp_path: Path) -> None:
    for name, options, steps in (
        ("every", {"every": 5}, (0, 5, 10)),
        ("disk", {"disk": 1000}, (0, 12)),
    ):
        train(tmp_path / name, 12, **options)
        assert open_run(tmp_path / name).steps[: len(steps)] == steps
        assert not list((tmp_path / name / "snapshots").glob("*rows*"))


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_network()
    subject = subject_of(model, torch.optim.SGD(model.parameters(), lr=0.1))
    keeper = EveryStep(open_store(tmp_path), 1)
    monkeypatch.setattr(everystep, "_WAITING", 30_000)
    added = 0
    while not keeper.is_full:
        keeper.add(Snapshot(subject, added))
        added += 1
    assert 1 < added < 20
    keeper.flush(10**9)
    assert not keeper.is_full


def train_until_killed(folder: Path, pipe: int) -> None:
    torch.set_num_threads(1)
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    watch(model, optimizer, folder, flush=0.1)
    step = 0
    while True:
        descend(model, optimizer, step)
        step += 1
        os.write(pipe, PROGRESS.pack(step, time.monotonic()))


@pytest.mark.parametrize("seed", range(3))
def test_a_sudden_death_takes_no_more_than_the_flush_interval(seed: int, tmp_path: Path) -> None:
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        train_until_killed(tmp_path / "run", send)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        received = pipe.read(PROGRESS.size)
        deadline = time.monotonic() + random.Random(seed).uniform(0.3, 1.5)
        while time.monotonic() < deadline:
            received += os.read(pipe.fileno(), PROGRESS.size * 64)
        killed = time.monotonic()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        received += pipe.read()
    whole = len(received) // PROGRESS.size * PROGRESS.size
    # The flush itself and a busy machine come on top of the interval, as in tests/test_sudden_death.py.
    done = [step for step, when in PROGRESS.iter_unpack(received[:whole]) if when < killed - 0.9]
    run = open_run(tmp_path / "run")
    assert run.steps == tuple(range(len(run.steps)))
    assert len(run.steps) >= max(done, default=0)
    for step in run.gradient_steps:
        assert run.update("0.weight", step).shape == (6, 4)
