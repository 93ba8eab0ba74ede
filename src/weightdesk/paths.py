"""Paths: as users type them, and as they may be told to others."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from weightdesk.errors import OptionError

_ADDRESS: Final = re.compile(r"([A-Za-z][\w+.:-]+)://")  # two letters at least: C:// is a drive
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]|[\\/]{2}[^\\/]")  # C:\… and \\server\…, on any system


def expand_home(path: str | os.PathLike[str]) -> Path:
    """A path with the home folder in place of `~`.

    Raises:
        OptionError: it names the home folder of a user whom this machine does not know, or nothing at all.

    >>> expand_home("runs/digits").as_posix()
    'runs/digits'
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise OptionError(f"expected the path of a file or folder, got {text!r}")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = text.split("/", 1)[0][1:]
        unknown = f"user {user!r}" if user else "home folder"  # a container may have none
        raise OptionError(f"{text}: this machine knows no {unknown}; write the folder out") from None


def in_utf8(text: str) -> str:
    r"""Text that JSON can hold: bytes of a file's name that are not UTF-8 are shown as escapes.

    >>> in_utf8("caf\udce9.png")
    'caf\\udce9.png'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def portable_path(path: str) -> str:
    """A path without what only this machine knows.

    A path below the working directory is told from there; of any other one only the last name is. An
    address keeps neither user, password nor query, where cloud stores put their keys.

    >>> portable_path("data/wine.csv"), portable_path("/home/ada/data/wine.csv")
    ('data/wine.csv', 'wine.csv')
    >>> portable_path("s3://key:secret@bucket/run?token=1"), portable_path("")
    ('s3://bucket/run', '')
    """
    if address := _ADDRESS.match(path):
        rest = path[address.end() :]
        if address[1].lower() in ("file", "local"):
            return portable_path(rest)
        host, slash, tail = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
        return f"{address[0]}{host.rpartition('@')[2]}{slash}{tail}"
    if _DRIVE.match(path):
        return _name(PureWindowsPath(path).name)
    if not path.startswith(("/", "~")) and ".." not in PurePosixPath(path).parts:
        return path
    return _below_working_directory(Path(path)) or _name(PurePosixPath(path).name)


def _name(last: str) -> str:
    """The last part of a path; nothing if it is none, but leads elsewhere."""
    return "" if last.startswith(("~", "..")) else last


def is_portable(path: str) -> bool:
    """Whether a path names the same wherever it is read: relative, and not out of the folder it starts in.

    >>> is_portable("data/wine.csv"), is_portable("/dev/zero"), is_portable("../wine.csv")
    (True, False, False)
    """
    return bool(path) and "\0" not in path and "://" not in path and portable_path(path) == path


def _below_working_directory(path: Path) -> str | None:
    """The path from the working directory on; None if it does not lead below it."""
    try:
        below = path.expanduser().resolve().relative_to(Path.cwd().resolve())
    except (OSError, RuntimeError, ValueError):  # no such user, no working directory, or elsewhere
        return None
    return below.as_posix() if below.parts and not below.parts[0].startswith("~") else None
