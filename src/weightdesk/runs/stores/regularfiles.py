"""Files and folders as they must be before weightdesk reads, writes or removes them.

A run's folder may hold anything: files of its user, links, and in a run of somebody else a FIFO that
would block its reader for ever. Reading takes regular files only. Writing and removing also refuse
links inside the run, so that nothing outside its folder is touched.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from weightdesk.errors import RunExistsError, RunFormatError, RunNotFoundError
from weightdesk.paths import expand_home

# Windows lacks the last two, and translates line ends without the first.
_BINARY: Final = getattr(os, "O_BINARY", 0)
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)

# As long as the longest name of a run's file under its temporary name: a folder is of no use if such a
# file cannot have a path.
_LONGEST: Final = "snapshots/.00000000000000000000.extra.safetensors.00000000"


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` replaced by the home folder, if files below it can have a path at all.

    Raises:
        OptionError: there is no such home folder.
        RunNotFoundError: the name is impossible.

    >>> expanded("runs/digits").as_posix()
    'runs/digits'
    """
    folder = expand_home(path)
    try:
        os.lstat(folder / _LONGEST)
    except ValueError as error:  # a surrogate that no file name can hold, or a null character
        raise RunNotFoundError(
            f"no file can be named {os.fspath(path)!r} ({error}); choose another name"
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            shown = os.fspath(path)
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            raise RunNotFoundError(f"the name {shown!r} is too long; choose a shorter one") from None
    return folder


def open_regular(path: str) -> int:
    """A descriptor to read a regular file by.

    Raises:
        FileNotFoundError: there is none.
        RunFormatError: something else has its name.
    """
    descriptor = os.open(path, os.O_RDONLY | _BINARY | _NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise RunFormatError(
            f"{path} is {kind_of(mode)}; expected a file, remove it to read the rest of the run"
        )
    return descriptor


def refuse_obstacle(path: str | os.PathLike[str], *, folder: bool = False) -> bool:
    """Whether there is such a file or folder; an error if something else has its name.

    Arguments:
        path: where weightdesk is about to write or to remove something.
        folder: whether a folder is expected there, and not a file.

    Raises:
        RunExistsError: a link or anything else is in the way.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode):
        return True
    expected = "a folder of its own" if folder else "a file of its own"
    raise RunExistsError(
        f"{os.fspath(path)} is {kind_of(mode)}, and weightdesk writes only to {expected}: "
        "move it away, or choose another place"
    )


def kind_of(mode: int) -> str:
    """What a file of this mode is, in words.

    >>> kind_of(stat.S_IFIFO | 0o644)
    'a FIFO'
    """
    for matches, words in (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISLNK, "a link"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if matches(mode):
            return words
    return "a device"
