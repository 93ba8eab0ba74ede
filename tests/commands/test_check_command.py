"""`weightdesk check` prints findings with what to do, and judges by its exit code."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from faulty_trainings import FAULTS, HEALTHY, train

from weightdesk.cli import main


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["weightdesk", "check", *words])
    monkeypatch.setenv("COLUMNS", "200")
    return main()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("runs") / "faulty"
    train(place, FAULTS["missing_zero_grad"])
    return str(place)


def test_findings_end_with_one_and_say_what_to_do(
    faulty: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, faulty, "--evidence") == 1
    told = capsys.readouterr().out
    assert re.search(r"missing_zero_grad, since step \d+, 99% sure", told)
    assert "do: call optimizer.zero_grad()" in told
    assert "share of steps that begin with the gradients of the last" in told
    assert f"weightdesk open {faulty}" in told


def test_findings_come_as_json(
    faulty: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, faulty, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert told["findings"][0]["rule"] == "missing_zero_grad"
    assert told["findings"][0]["evidence"][0]["value"] > 0.9


def test_a_healthy_run_ends_with_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "run", HEALTHY)
    assert command(monkeypatch, str(tmp_path / "run")) == 0
    assert capsys.readouterr().out.startswith("healthy: ")
    assert command(monkeypatch, str(tmp_path / "run"), "--until", "20") == 0
    assert "the end of the training" in capsys.readouterr().out


def test_what_is_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, str(tmp_path)) == 2


def test_overfitting_is_judged_with_sharpness_where_the_network_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["weightdesk", "train", "spirals", "--steps", "60", "--run", place])
    assert main() == 0
    capsys.readouterr()
    assert command(monkeypatch, place, "--overfitting", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert "no overfitting" in told["title"]
    assert command(monkeypatch, place, "--remedies", "--seeds", "1") == 0
    assert "dropout of a half" in capsys.readouterr().out
