"""What is noted of the surroundings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from weightdesk.recording import environment


def test_the_command_is_told_without_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/train.py", "--lr", "0.1"])
    assert environment.command() == ["train.py", "--lr", "0.1"]
    monkeypatch.setattr("sys.argv", [""])
    assert environment.command() == []


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
