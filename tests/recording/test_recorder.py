"""The recorder's hooks in unusual company: errors inside, closures as keywords, runs that fall behind."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from weightdesk import open_run, watch
from weightdesk.recording.keeper import SnapshotKeeper
from weightdesk.recording.meter import StepMeter
from weightdesk.recording.writer import Writer


def one_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.ones(3, 4)).square().sum().backward()
    optimizer.step()


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1))


def test_an_error_in_a_measurement_ends_the_recording_with_one_warning(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = watch(model, optimizer, tmp_path / "run", cost=None)
    one_step(model, optimizer)
    monkeypatch.setattr(StepMeter, "before", lambda *_: 1 / 0)
    with pytest.warns(
        RuntimeWarning, match=r"stopped recording at step 1: ZeroDivisionError.*training goes on"
    ):
        one_step(model, optimizer)
    assert recording.status == "stopped"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one_step(model, optimizer)
        recording.log(loss=1.0)
        recording.close()
    assert open_run(tmp_path / "run").manifest.note == "ZeroDivisionError: division by zero"


def test_warnings_that_are_errors_do_not_reach_the_training(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = watch(model, optimizer, tmp_path / "run", cost=None)
    monkeypatch.setattr(StepMeter, "before", lambda *_: 1 / 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one_step(model, optimizer)
        recording.close()
    assert "stopped recording at step 0" in capsys.readouterr().err


@pytest.mark.parametrize("as_keyword", [True, False])
def test_a_closure_is_measured_after_it_ran_once(as_keyword: bool, model: nn.Module, tmp_path: Path) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    gradients: list[Tensor] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model(torch.ones(3, 4)).square().sum()
        loss.backward()
        gradients.append(model[0].weight.grad.clone())
        return loss

    with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
        for _ in range(2):
            loss = optimizer.step(closure=closure) if as_keyword else optimizer.step(closure)
            assert loss.item() > 0
        optimizer.step(None)
    run = open_run(tmp_path / "run")
    for step, gradient in enumerate([*gradients, gradients[-1]]):
        assert torch.equal(run.gradient("0.weight", step), gradient)
    assert run.last_step == 3


def test_an_optimizer_that_never_calls_its_closure_is_left_alone(model: nn.Module, tmp_path: Path) -> None:
    class Lazy(torch.optim.SGD):
        def step(self, closure: object = None) -> None:
            del closure

    optimizer = Lazy(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None):
        optimizer.step(lambda: None)
    assert open_run(tmp_path / "run").last_step == 1


def test_snapshots_are_left_out_while_the_writer_is_behind(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None) as recording:
        monkeypatch.setattr(Writer, "is_behind", property(lambda self: True))
        for _ in range(4):
            one_step(model, optimizer)
        monkeypatch.undo()
        assert recording.step == 4
    assert open_run(tmp_path / "run").steps == (0, 4)


def test_a_fixed_stride_waits_for_the_writer(model: nn.Module, tmp_path: Path) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for _ in range(60):
            one_step(model, optimizer)
    assert open_run(tmp_path / "run").steps == tuple(range(61))


@pytest.mark.timeout(60)
def test_closing_does_not_wait_for_a_writer_that_has_failed(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = watch(model, optimizer, tmp_path / "run", every=1)
    two_wait = threading.Event()

    def fail(*_: object) -> None:
        two_wait.wait()
        raise OSError("the disk is gone")

    monkeypatch.setattr(SnapshotKeeper, "keep", fail)
    one_step(model, optimizer)
    one_step(model, optimizer)
    two_wait.set()
    with pytest.warns(RuntimeWarning, match="the disk is gone"):
        recording.close()
    assert open_run(tmp_path / "run").status == recording.status == "stopped"


def test_a_step_that_fails_halfway_leaves_the_next_one_intact(model: nn.Module, tmp_path: Path) -> None:
    class Fragile(torch.optim.SGD):
        fails = True

        def step(self, closure: object = None) -> None:
            if self.fails:
                raise ArithmeticError
            super().step()

    optimizer = Fragile(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
        with pytest.raises(ArithmeticError):
            one_step(model, optimizer)
        optimizer.fails = False
        one_step(model, optimizer)
    run = open_run(tmp_path / "run")
    assert run.steps == (0, 1)
    assert torch.equal(run.update("0.weight", 0), run.weights("0.weight", 1) - run.weights("0.weight", 0))


def test_a_step_within_a_step_is_one_step(model: nn.Module, tmp_path: Path) -> None:
    class Derived(torch.optim.SGD):
        def step(self, closure: object = None) -> None:
            del closure
            super().step()

    optimizer = Derived(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None, every=1) as recording:
        for _ in range(3):
            one_step(model, optimizer)
        assert recording.step == 3
    run = open_run(tmp_path / "run")
    assert run.steps == (0, 1, 2, 3)
    assert torch.equal(run.update("0.weight", 1), run.weights("0.weight", 2) - run.weights("0.weight", 1))


def test_a_run_that_cannot_be_closed_is_a_warning(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("weightdesk.recording.ledger.write_manifest", refuse)
    with pytest.warns(RuntimeWarning, match=r"could not close .*Read-only file system"):
        recording.close()
    assert open_run(tmp_path / "run").status == "killed"
