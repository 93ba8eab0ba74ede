"""Where and with what a run was made, as far as it can be told without naming the machine."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import torch

from weightdesk.paths import in_utf8, portable_path

_OWN_PROGRAM: Final = "weightdesk"  # a user's script of this name could not import the package
_LONG_OPTION: Final = re.compile(r"--[A-Za-z][\w-]*(?==|$)")


def versions() -> dict[str, str]:
    """Versions that decide what the same code computes.

    >>> sorted(versions())
    ['python', 'torch', 'weightdesk']
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "weightdesk": _own_version(),
    }


def command() -> list[str]:
    """The command line, as far as it may be told to others.

    Of `weightdesk` itself all options, with paths as `portable_path` tells them. Of any other program its
    name and the names of its long options: what stands behind them may be a key or a password.
    """
    if not sys.argv or not sys.argv[0]:
        return []
    program = Path(sys.argv[0])
    if program.stem == _OWN_PROGRAM:
        arguments = [_portable_argument(each) for each in sys.argv[1:]]
    else:
        arguments = [name[0] for each in sys.argv[1:] if (name := _LONG_OPTION.match(each))]
    # Arguments that are not UTF-8 reach Python as surrogates, which no JSON file can hold.
    return [in_utf8(each) for each in (program.name, *arguments)]


def _portable_argument(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if option.startswith("-") and equals:
        return f"{option}={portable_path(value)}"
    return argument if argument.startswith("-") else portable_path(argument)


def _own_version() -> str:
    try:
        return version("weightdesk")
    except PackageNotFoundError:  # a copy that was put beside a program without being installed
        return "unknown"
