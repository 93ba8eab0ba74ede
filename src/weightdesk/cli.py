"""The command line: gathers the commands and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Any, TextIO

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
from weightdesk.errors import WeightdeskError

UNUSABLE = 2
"""Exit code for arguments or input that cannot be used."""

INTERRUPTED = 130
"""Exit code after Ctrl-C outside of a training; a training ends cleanly and with 0."""

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
        The exit code: 0, 1 or 2 as `weightdesk --help` says, 130 after Ctrl-C.

    """
    for stream in (sys.stdout, sys.stderr):
        _replace_what_cannot_be_shown(stream)
    try:
        return app(prog_name="weightdesk", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except WeightdeskError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.strerror}: {error.filename}" if error.filename else str(error))
    except Exception as error:
        # Typer's usage errors have no public class that all its versions share.
        if not hasattr(error, "format_message"):
            raise
        return _refuse_usage(error)


def _replace_what_cannot_be_shown(stream: TextIO) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def _refuse(line: str) -> int:
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
