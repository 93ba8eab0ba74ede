"""A recording that checks itself warns while the training runs, and never ends it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk.checkup import CheckUp, Finding
from weightdesk.recording import watch
from weightdesk.recording.livecheck import LiveCheck


def finding(rule: str, because: str | None = None) -> Finding:
    return Finding(rule, f"{rule} is seen", 3, 0.9, "a cause", "a remedy", because=because)


def checkup(*findings: Finding) -> CheckUp:
    return CheckUp("run", 10, findings, {})


def test_each_finding_is_told_once_and_consequences_are_not() -> None:
    charged: list[float] = []
    found = checkup(finding("dead_units"), finding("underfitting", because="dead_units"))

    def look_three_times() -> None:
        live = LiveCheck(lambda: found, charged.append, interval=0.01)
        while len(charged) < 3:
            time.sleep(0.01)
        live.finish()

    with pytest.warns(RuntimeWarning) as told:
        look_three_times()
    assert [str(each.message) for each in told] == [
        "weightdesk: dead_units is seen (dead_units, since step 3, 90% sure); a remedy"
    ]


def test_what_goes_wrong_in_the_check_up_is_told_and_ends_it_alone() -> None:
    def broken() -> CheckUp:
        raise ZeroDivisionError("mine")

    with pytest.warns(RuntimeWarning, match="stopped its check-up: ZeroDivisionError: mine"):
        LiveCheck(broken, lambda _: None, interval=10).finish()


def test_a_run_that_cannot_be_read_yet_is_looked_at_later(tmp_path: Path) -> None:
    def gone() -> CheckUp:
        raise FileNotFoundError

    LiveCheck(gone, lambda _: None, interval=10).finish()


def train_without_zero_grad(place: str) -> str:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs = torch.randn(64, 4)
    with watch(model, optimizer, place, check=True) as recording:
        for _ in range(50):
            loss = (model(inputs)[:, 0] - inputs[:, 0]).square().mean()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    return recording.status


def test_watch_warns_of_its_own_run(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="missing_zero_grad"):
        assert train_without_zero_grad(str(tmp_path / "run")) == "finished"
