"""The command line, called in an empty folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from called import Call, Called

from weightdesk.cli import main


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `weightdesk` with arguments, in an empty folder and 100 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def weightdesk(*arguments: str) -> Called:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["weightdesk", *arguments])
        code = main()
        return Called(code, *capsys.readouterr())

    return weightdesk
