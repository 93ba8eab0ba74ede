"""What is noted of the surroundings."""

from __future__ import annotations

import subprocess
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


def test_the_commit_and_its_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.git_commit() is None
    for command in (
        "init -q", "config user.name a", "config user.email a@b.c", "commit -q --allow-empty -m first",
    ):  # fmt: skip
        subprocess.run(["git", *command.split()], check=True)
    found = environment.git_commit()
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    (tmp_path / "file").write_text("text")
    subprocess.run(["git", "add", "file"], check=True)
    assert environment.git_commit()["changed"] is True


def test_without_git_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment.git_commit() is None
