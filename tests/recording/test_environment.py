"""What is noted of the surroundings."""

from __future__ import annotations

import pytest

from weightdesk.recording import environment


def test_the_command_is_told_without_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/train.py", "--lr", "0.1"])
    assert environment.command() == ["train.py", "--lr", "0.1"]
    monkeypatch.setattr("sys.argv", [""])
    assert environment.command() == []
