"""Standard output and error: filtered, and patient with readers that leave."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from weightdesk.terminal.console import TerminalConsole
from weightdesk.terminal.streams import guarded_streams

EVIL = "\x1b]0;PWNED\x07\x1b[2J\u202e"
SHOWN = r"\x1b]0;PWNED\x07\x1b[2J\u202e"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_all_that_is_printed_is_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with guarded_streams():
        print(EVIL)
        TerminalConsole().print(EVIL)
        traceback.print_exception(ValueError(EVIL))
    assert (sys.stdout, sys.stderr) == (out, err)
    assert out.getvalue().splitlines()[0] == SHOWN
    assert r"\x1b]0;PWNED" in out.getvalue().splitlines()[1]
    assert SHOWN in err.getvalue()
    assert "\x1b" not in out.getvalue() + err.getvalue()


def test_a_console_keeps_its_own_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with guarded_streams():
        TerminalConsole(width=60).print(f"[x]{EVIL}:smile:", style="bold")
    assert out.getvalue() == f"\x1b[1m[x]{SHOWN}:smile:\x1b[0m\n".replace("\\x07", "")  # rich drops bells


def test_a_progress_bar_lets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.progress import Progress, TextColumn

    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    with guarded_streams():
        console = TerminalConsole(width=80)
        with Progress(TextColumn("{task.description}", markup=False), console=console) as bar:
            bar.add_task(EVIL)
            print(f"between {EVIL}")
            TerminalConsole(width=80).print("styled", style="bold")
    assert r"\x1b]0;PW" in out.getvalue()  # as much of it as the column has room for
    assert "\x1b]0;" not in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()
    assert "\x1b[1mstyled" in out.getvalue()


def test_closed_streams_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with guarded_streams() as streams:
        print("nobody hears it")
        TerminalConsole().print("nor this")
        assert streams == []


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from weightdesk.cli import main; raise SystemExit(main())"
    return subprocess.run(
        ["bash", "-c", command.replace("weightdesk", f'{sys.executable} -c "{code}"')],
        capture_output=True, text=True, cwd=folder, check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("weightdesk --help | true; exit ${PIPESTATUS[0]}", {0, 141}, ""),
        ("weightdesk --version >&-", {0}, ""),
        ("weightdesk nosuch 2>&-", {2}, ""),
        ("weightdesk --help >&- 2>&- <&-", {0}, ""),
        ("weightdesk --help >/dev/full", {2}, "error: No space left on device: <stdout>\n"),
        ("weightdesk nosuch 2>/dev/full", {2}, ""),
    ],
)
def test_whatever_the_shell_makes_of_the_streams(
    command: str, code: set[int], said: str, tmp_path: Path
) -> None:
    done = run(command, tmp_path)
    assert done.returncode in code
    assert done.stderr == said


def test_a_reader_that_leaves_ends_the_output_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    before, sys.stdout = sys.stdout, os.fdopen(writing, "w")
    try:
        with guarded_streams() as streams:
            for _ in range(3):
                print("a line", flush=True)
                TerminalConsole().print("a line")
            assert streams[0].is_broken
    finally:
        sys.stdout.close()  # holds nothing back any more, so it does not fail
        sys.stdout = before
