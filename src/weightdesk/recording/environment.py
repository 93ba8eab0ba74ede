"""Where and with what a run was made, as far as it can be told without naming the machine."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


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
    """The command line; the program's path is shortened to its name."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv and sys.argv[0] else []


def _own_version() -> str:
    try:
        return version("weightdesk")
    except PackageNotFoundError:  # a copy that was put beside a program without being installed
        return "unknown"
