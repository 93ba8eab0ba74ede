"""The command line: gathers the commands and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Any

import typer

from weightdesk.commands.capture import capture
from weightdesk.commands.check import check
from weightdesk.commands.compare import compare
from weightdesk.commands.demo import demo
from weightdesk.commands.explain import explain
from weightdesk.commands.export import export
from weightdesk.commands.open import open_
from weightdesk.commands.runs import runs
from weightdesk.commands.show import show
from weightdesk.commands.train import train
from weightdesk.commands.turn import turn
from weightdesk.errors import WeightdeskError, is_out_of_memory
from weightdesk.terminal.streams import QuietStream, guarded_streams, occupy_standard_descriptors

UNUSABLE = 2
"""Exit code for arguments or input that cannot be used."""

INTERRUPTED = 130
"""Exit code after Ctrl-C outside of a training; a training ends cleanly and with 0."""

UNREAD = 141
"""Exit code if the reader of the output has gone, as the shell gives it for a program ended by SIGPIPE."""

FAULT = 70
"""Exit code for an error that is no fault of the input: EX_SOFTWARE of sysexits.h. Python's own, 1, would
read as "something was found"."""

TRACEBACK = "WEIGHTDESK_TRACEBACK"
"""Environment variable that asks for the traceback of every error."""

_LONGEST = 500  # characters of an unexpected error's text: some hold whole arrays

app = typer.Typer(
    name="weightdesk",
    help="A mixing desk for the weights of neural networks: train, keep every weight, read any of it back.",
    epilog="Exit codes: 0 done, 1 something was found where the command was asked to judge, "
    "2 unusable arguments or input; Ctrl-C ends a training cleanly, with 0.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("open")(open_)
for _command in (demo, train, compare, runs, show, check, explain, turn, capture, export):
    app.command()(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"weightdesk {version('weightdesk')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options of `weightdesk` itself."""


def main() -> int:
    """Run the command line with the arguments of the process.

    Returns:
        The exit code: 0, 1 or 2 as `weightdesk --help` says, 130 after Ctrl-C, 141 if nobody read the
        output to its end, 70 for a fault of weightdesk itself.

    """
    occupy_standard_descriptors()
    with guarded_streams() as streams:
        try:
            code = app(prog_name="weightdesk", standalone_mode=False) or 0
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as error:
            code = _explain(error)
        return _flush(streams, code)


def _explain(error: Exception) -> int:
    """Print one line about an error, after its traceback if that is asked for; return the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    if isinstance(error, WeightdeskError):
        return _refuse(str(error))
    if isinstance(error, OSError):
        told = error.strerror or str(error) or type(error).__name__
        return _refuse(f"{told}: {error.filename}" if error.filename else told)
    if is_out_of_memory(error):
        return _refuse("not enough memory for this; use a smaller network, fewer or smaller examples")
    # Typer's usage errors have no public class that all its versions share.
    if hasattr(error, "format_message"):
        return _refuse_usage(error)
    said = f"{type(error).__name__}: {error}"[:_LONGEST]
    _refuse(f"this is a fault of weightdesk: {said}; report it with what {TRACEBACK}=1 weightdesk … prints")
    return FAULT


def _flush(streams: Iterable[QuietStream], code: int) -> int:
    """Write what is still held back; the exit code says if that cannot be done."""
    for stream in streams:
        try:
            stream.flush()
        except OSError as error:
            code = _explain(error)
        if stream.is_broken:
            code = code or UNREAD
    return code


def _refuse(line: str) -> int:
    with suppress(OSError, ValueError):  # where nobody can be told, the exit code is left
        print(f"error: {' '.join(line.split())}", file=sys.stderr)
    return UNUSABLE


def _refuse_usage(error: Any) -> int:
    message = error.format_message().strip()
    if type(error).__name__ == "NoArgsIsHelpError":
        # The message is the help, or nothing where Typer has shown it already.
        print(message, end="\n" if message else "")
        return UNUSABLE
    place = error.ctx.command_path if error.ctx else "weightdesk"
    return _refuse(f"{message} See `{place} --help`.")
