from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from weightdesk import cli
from weightdesk.errors import RunFormatError

OUT_OF_MEMORY = "error: not enough memory for this; use a smaller network, fewer or smaller examples\n"
HEAVY = ["torch", "numpy", "numba", "pyarrow", "sklearn", "PIL"]


def call(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    code = (
        "import sys, json; from weightdesk.cli import main; code = main(); "
        f"print(json.dumps([code, [name for name in {HEAVY} if name in sys.modules]]), file=sys.stderr)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={"PYTHONIOENCODING": encoding, "COLUMNS": "80"},
    )


@pytest.mark.parametrize("arguments", [("--help",), ("train", "--help"), ("show", "--help"), ("--version",)])
def test_help_comes_without_loading_anything_heavy(arguments: tuple[str, ...]) -> None:
    assert json.loads(call(*arguments).stderr) == [0, []]


def test_help_names_every_command_and_the_exit_codes() -> None:
    text = call("--help").stdout
    for part in ("demo", "train", "runs", "show", "explain", "Exit codes: 0 done, 1", "2 unusable"):
        assert part in text


def test_no_arguments_show_the_help_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["weightdesk"])
    assert cli.main() == cli.UNUSABLE
    assert capsys.readouterr().out.count("Exit codes") == 1


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["weightdesk", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out == f"weightdesk {version('weightdesk')}\n"


def test_a_terminal_of_another_encoding_gets_what_it_can_show() -> None:
    assert json.loads(call("train", "--help", encoding="ascii").stderr)[0] == 0


def test_unknown_commands_are_refused_with_a_suggestion() -> None:
    line, code = call("trian").stderr.splitlines()
    assert line == "error: No such command 'trian'. Did you mean 'train', 'turn'? See `weightdesk --help`."
    assert json.loads(code)[0] == cli.UNUSABLE


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (RunFormatError("run.json is\ndamaged"), 2, "error: run.json is damaged\n"),
        (PermissionError(13, "Permission denied", "runs/a"), 2, "error: Permission denied: runs/a\n"),
        (OSError("the store is gone"), 2, "error: the store is gone\n"),
        (RunFormatError("of \x1b[2J\u202e"), 2, "error: of \\x1b[2J\\u202e\n"),
        (MemoryError(), 2, OUT_OF_MEMORY),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried 9"), 2, OUT_OF_MEMORY),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert cli.main() == code
    assert capsys.readouterr() == ("", line)


def test_our_own_mistakes_are_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("of \x1b[2J")

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.delenv(cli.TRACEBACK, raising=False)
    assert cli.main() == cli.FAULT
    line = capsys.readouterr().err
    assert line.startswith(r"error: this is a fault of weightdesk: ZeroDivisionError: of \x1b[2J; report it")
    assert line.count("\n") == 1
    monkeypatch.setenv(cli.TRACEBACK, "1")
    assert cli.main() == cli.FAULT
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith(line)
    assert "\x1b" not in shown


def test_output_may_go_to_any_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()  # without an encoding to adapt
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["weightdesk", "--version"])
    assert cli.main() == 0
    assert stream.getvalue().startswith("weightdesk ")
