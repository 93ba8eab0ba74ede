"""Where and with what a run was made, as far as it can be told without naming the machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def versions() -> dict[str, str]:
    """Versions that decide what the same code computes.

    >>> sorted(versions())
    ['python', 'torch', 'weightdesk']
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "weightdesk": version("weightdesk"),
    }


def command() -> list[str]:
    """The command line; the program's path is shortened to its name."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv and sys.argv[0] else []


def git_commit() -> dict[str, Any] | None:
    """Commit of the working directory and whether it had changes; None outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # a fixed program with fixed arguments
        ["git", *arguments],  # noqa: S607  # whichever git the user has
        capture_output=True, text=True, check=True, timeout=2,
    )  # fmt: skip
    return done.stdout.strip()
