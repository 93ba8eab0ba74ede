"""A run that a signal ends says so, and the signal does what it would have done."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from forked import exit_code, fork, wait_until
from torch import nn
from trainings import run_steps, small_network

from weightdesk import open_run, watch
from weightdesk.recording.signals import hold_interrupts


def train_for_ever(place: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    recording = watch(model, optimizer, place, every=1, cost=None, flush=0.05)
    while True:
        run_steps(model, optimizer, 1, lambda step, loss: recording.log(loss=loss))


def has_begun(place: Path) -> bool:
    return (place / "snapshots" / "00000001.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("seed", range(3))
def test_a_signal_at_a_random_moment_closes_the_run(number: int, seed: int, tmp_path: Path) -> None:
    child = fork(lambda: train_for_ever(tmp_path / "run"))
    wait_until(lambda: has_begun(tmp_path / "run"))
    time.sleep(random.Random(seed).uniform(0, 0.1))
    os.kill(child, number)
    assert exit_code(child) == -number
    run = open_run(tmp_path / "run")
    assert (run.status, run.manifest.note) == ("interrupted", signal.Signals(number).name)
    assert run.steps[-1] == run.last_step
    assert sorted(set(run.sampled["step"].to_pylist())) == list(
        range(max(run.sampled["step"].to_pylist()) + 1)
    )


def test_a_signal_inside_a_closure_is_not_put_off(tmp_path: Path) -> None:
    def train() -> None:
        model = small_network()
        optimizer = torch.optim.LBFGS(model.parameters())
        watch(model, optimizer, tmp_path / "run")

        def closure() -> float:
            loss = model(torch.ones(2, 3, 8, 8)).square().sum()
            loss.backward()
            (tmp_path / "begun").touch()
            time.sleep(30)
            return float(loss)

        optimizer.step(closure)

    child = fork(train)
    wait_until((tmp_path / "begun").exists)
    sent = time.monotonic()
    os.kill(child, signal.SIGTERM)
    assert exit_code(child) == -signal.SIGTERM
    assert time.monotonic() - sent < 4
    assert open_run(tmp_path / "run").status == "interrupted"


@pytest.mark.parametrize("every", [1, None])  # 1: the training waits for the writer, too
def test_a_signal_that_meets_a_writer_that_hangs_still_ends_the_process(
    every: int | None, tmp_path: Path
) -> None:
    def train() -> None:
        model = small_network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        recording = watch(model, optimizer, tmp_path / "run", cost=None, every=every)
        recording._writer._flush = lambda: time.sleep(60)  # type: ignore[union-attr, method-assign]
        time.sleep(1.2)
        (tmp_path / "begun").touch()
        run_steps(model, optimizer, 10**9)

    child = fork(train)
    wait_until((tmp_path / "begun").exists)
    os.kill(child, signal.SIGTERM)
    assert exit_code(child) == -signal.SIGTERM
    run = open_run(tmp_path / "run")
    assert (run.status, run.manifest.note) == ("interrupted", "SIGTERM; closing was cut short")


def test_a_handler_of_the_user_is_left_in_place(tmp_path: Path) -> None:
    def train() -> None:
        calls: list[int] = []
        model = small_network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with watch(model, optimizer, tmp_path / "run"):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)
            run_steps(model, optimizer, 3)
        assert calls == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    assert exit_code(fork(train)) == 0
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == ("finished", 3)


def test_a_handler_that_comes_later_decides_alone(tmp_path: Path) -> None:
    def train() -> None:
        model = small_network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        with watch(model, optimizer, tmp_path / "run"):
            calls: list[int] = []

            def chain(number: int, frame: object) -> None:
                calls.append(number)
                if callable(before):
                    before(number, frame)

            before = signal.signal(signal.SIGTERM, chain)
            os.kill(os.getpid(), signal.SIGTERM)
            run_steps(model, optimizer, 3)
        assert calls == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is chain

    assert exit_code(fork(train)) == 0
    assert open_run(tmp_path / "run").last_step == 3


def test_the_default_action_is_back_after_the_last_recording(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    models = [small_network(), small_network()]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.01) for model in models]
    first = watch(models[0], optimizers[0], tmp_path / "first")
    second = watch(models[1], optimizers[1], tmp_path / "second")
    assert signal.getsignal(signal.SIGTERM) is not before
    first.close()
    assert signal.getsignal(signal.SIGTERM) is not before
    second.close()
    assert signal.getsignal(signal.SIGTERM) is before is signal.SIG_DFL


@pytest.mark.parametrize("presses", [1, 2, 5])
def test_ctrl_c_while_closing_leaves_a_closed_run(presses: int, tmp_path: Path) -> None:
    def train() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with watch(
                model := small_network(),
                (optimizer := torch.optim.Adam(model.parameters())),
                tmp_path / "run",
            ):
                run_steps(model, optimizer, 3)
                (tmp_path / "begun").touch()
                time.sleep(30)
        except KeyboardInterrupt:
            return
        raise AssertionError("Ctrl-C did not arrive")

    child = fork(train)
    wait_until((tmp_path / "begun").exists)
    for _ in range(presses):
        os.kill(child, signal.SIGINT)
        time.sleep(0.005)
    assert exit_code(child) in (0, 1)  # 1 if the last one met the child on its way out
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == ("interrupted", 3)


def test_a_held_ctrl_c_is_raised_afterwards() -> None:
    reached: list[int] = []

    def hold() -> None:
        with hold_interrupts() as held:
            signal.raise_signal(signal.SIGINT)
            reached.append(held.count)

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert reached == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_ctrl_c_is_called_afterwards() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            assert not calls
        assert calls == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_training_that_closes_while_a_signal_arrives_says_how_it_ended(tmp_path: Path) -> None:
    def train() -> None:
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        recording = watch(model, optimizer, tmp_path / "run")
        recording._writer._wait_for_pieces = lambda _: ((tmp_path / "begun").touch(), time.sleep(1))  # type: ignore[union-attr]
        recording.close()
        time.sleep(30)

    child = fork(train)
    wait_until((tmp_path / "begun").exists)
    os.kill(child, signal.SIGTERM)
    assert exit_code(child) == -signal.SIGTERM
    assert open_run(tmp_path / "run").status == "finished"
