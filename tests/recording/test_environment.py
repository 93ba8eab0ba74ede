"""What is noted of the surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest

from weightdesk.recording import environment


def commanded(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    monkeypatch.setattr("sys.argv", [*arguments])
    return environment.command()


def test_of_a_program_its_name_and_the_names_of_its_options_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = (
        "--api-key=SECRET",
        "--token",
        "SECRET",
        "-pSECRET",
        "SECRET",
        "--",
        "--SECRET key",
        "--=SECRET",
    )
    assert commanded(monkeypatch, "/somewhere/bin/train.py", "--lr", "0.1", *secret) == [
        "train.py", "--lr", "--api-key", "--token",
    ]  # fmt: skip
    assert commanded(monkeypatch, "") == commanded(monkeypatch) == []


def test_of_weightdesk_itself_all_is_told_but_the_machines_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, run = str(tmp_path / "wine.csv"), f"--run={tmp_path.parent / 'client' / 'run'}"
    assert commanded(monkeypatch, "/opt/bin/weightdesk", "train", table, "--steps", "5", run, "--open") == [
        "weightdesk", "train", "wine.csv", "--steps", "5", "--run=run", "--open",
    ]  # fmt: skip


def test_arguments_that_are_not_utf_8_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    told = commanded(monkeypatch, "/opt/bin/weightdesk", "train", "caf\udce9.csv")
    assert told == ["weightdesk", "train", "caf\\udce9.csv"]
    assert commanded(monkeypatch, "/a/caf\udce9.py", "--b") == ["caf\\udce9.py", "--b"]
