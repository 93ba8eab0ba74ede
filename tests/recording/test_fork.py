"""A forked child forgets the recorder at once, and nothing that it does touches its parent's run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from forked import exit_code, fork
from torch import nn
from trainings import run_steps, small_network

from weightdesk import open_run, watch
from weightdesk.recording.recording import Recording

Training = tuple[nn.Module, torch.optim.Optimizer, Recording]


def begin(place: Path | str) -> Training:
    """A training whose recorder has something to do at every moment."""
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return model, optimizer, watch(model, optimizer, place, every=1, cost=None, flush=0.01)


def train_on(training: Training) -> None:
    model, optimizer, recording = training
    run_steps(model, optimizer, 3, lambda step, loss: recording.log(loss=loss))


def leave_block(training: Training) -> None:
    with training[2]:
        train_on(training)


def fail_in_block(training: Training) -> None:
    try:
        with training[2]:
            raise ValueError("in the child")
    except ValueError:
        return


def close(training: Training) -> None:
    training[2].close("failed", "in the child")
    assert (training[2].status, training[2].step) == ("running", training[2].step)


def watch_another(training: Training) -> None:
    place = Path(training[2].directory).with_name(f"of-{os.getpid()}")
    with watch(model := small_network(), (optimizer := torch.optim.Adam(model.parameters())), place, every=1):
        run_steps(model, optimizer, 3)
    assert open_run(place).steps == (0, 1, 2, 3)
    assert open_run(place).status == "finished"


def end_by_signal(training: Training) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    train_on(training)


WAYS = (train_on, leave_block, fail_in_block, close, watch_another, end_by_signal)
CHILDREN: dict[str, Callable[[Training], object]] = {way.__name__: way for way in WAYS}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_leaves_the_run_alone(name: str, tmp_path: Path) -> None:
    training = begin(tmp_path / "run")
    train_on(training)
    assert exit_code(fork(lambda: CHILDREN[name](training))) == 0
    assert open_run(tmp_path / "run").status == training[2].status == "running"
    train_on(training)
    training[2].close()
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == ("finished", 6)
    assert run.steps == tuple(range(7))
    assert run.metrics["step"].to_pylist() == [1, 2, 3, 4, 5, 6]


def test_children_of_every_moment(tmp_path: Path) -> None:
    training, codes = begin(tmp_path / "run"), []
    for _ in range(3):  # the writer is at work all the time, with and without its locks
        for way in WAYS:
            child = fork(lambda way=way: way(training))  # type: ignore[misc]
            train_on(training)
            codes.append(exit_code(child))
    training[2].close()
    assert codes == [0] * 18
    run = open_run(tmp_path / "run")
    assert (run.status, run.steps) == ("finished", tuple(range(3 * 18 + 1)))


def test_a_child_that_trains_gets_the_same_bits(tmp_path: Path) -> None:
    def train_in_child(watched: bool) -> bytes:
        model = small_network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        recording = watch(model, optimizer, tmp_path / "run", every=1) if watched else None
        run_steps(model, optimizer, 2)
        read, write = os.pipe()

        def child() -> None:
            run_steps(model, optimizer, 5)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(b"".join(each.detach().numpy().tobytes() for each in model.parameters()))

        assert exit_code(fork(child)) == 0
        os.close(write)
        if recording is not None:
            recording.close()
        with os.fdopen(read, "rb") as pipe:
            return pipe.read()

    assert train_in_child(True) == train_in_child(False)


def test_forks_in_a_thread(tmp_path: Path) -> None:
    training, codes = begin(tmp_path / "run"), []

    def fork_some() -> None:
        codes.extend(exit_code(fork(lambda: train_on(training))) for _ in range(5))

    thread = threading.Thread(target=fork_some)
    thread.start()
    while thread.is_alive():
        train_on(training)
    training[2].close()
    assert codes == [0] * 5
    assert open_run(tmp_path / "run").status == "finished"


def test_a_fork_inside_a_hook_of_the_user(tmp_path: Path) -> None:
    """Torch is then in the middle of its loop over hooks, which fails if one of them goes."""

    def train() -> None:
        model, optimizer, recording = begin(tmp_path / "run")
        children: list[int] = []

        def fork_in_hook(*_: object) -> None:
            if not children:
                children.append(os.fork())

        first = optimizer.register_step_pre_hook(fork_in_hook)
        optimizer._optimizer_step_pre_hooks.move_to_end(first.id, last=False)
        optimizer.register_step_pre_hook(lambda *_: None)
        run_steps(model, optimizer, 2)
        if children[0]:
            assert exit_code(children[0]) == 0
            recording.close()
            assert recording.step == 2

    assert exit_code(fork(train)) == 0
    assert open_run(tmp_path / "run").steps == (0, 1, 2)


def test_data_loaders_and_pools(tmp_path: Path) -> None:
    training = begin(tmp_path / "run")
    data = torch.utils.data.TensorDataset(torch.arange(32.0))
    loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=2, multiprocessing_context="fork")
    for _ in loader:
        train_on(training)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    training[2].close()
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == ("finished", 24)


def test_a_live_check_has_no_thread_in_the_child(tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    recording = watch(model, optimizer, tmp_path / "run", check=True)
    assert exit_code(fork(lambda: (run_steps(model, optimizer, 2), recording.close()))) == 0
    assert open_run(tmp_path / "run").status == "running"
    run_steps(model, optimizer, 2)
    recording.close()
    assert open_run(tmp_path / "run").status == "finished"


def test_a_child_leaves_the_upload_of_its_parent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    put, uploading = MemoryFileSystem.put_file, threading.Event()
    go_on = threading.Event()

    def slow(self: MemoryFileSystem, *arguments: object, **options: object) -> object:
        if threading.current_thread() is not threading.main_thread():
            uploading.set()
            go_on.wait(10)
        return put(self, *arguments, **options)

    monkeypatch.setattr(MemoryFileSystem, "put_file", slow)
    training = begin(f"memory://{tmp_path.name}/run")
    assert uploading.wait(10)
    script = "import weakref; weakref.finalize._exitfunc()"  # what Python does when a program ends
    assert exit_code(fork(lambda: exec(script))) == 0
    go_on.set()
    train_on(training)
    training[2].close()
    assert training[2].status == "finished"


def test_children_that_end_as_programs_end(tmp_path: Path) -> None:
    script = """
    import os, sys, torch, weightdesk
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = weightdesk.watch(model, optimizer, sys.argv[1])
    model(torch.ones(1, 2)).sum().backward()
    for end in (lambda: sys.exit(0), lambda: None, lambda: 1 / 0):
        child = os.fork()
        if not child:
            end()
            break
        os.waitpid(child, 0)
        print(weightdesk.open_run(sys.argv[1]).status, flush=True)
        optimizer.step()
    """
    code = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "run")]
    done = subprocess.run(code, capture_output=True, text=True)
    assert done.stdout.split() == ["running"] * 3
    assert "ZeroDivisionError" in done.stderr
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == ("finished", 3)
