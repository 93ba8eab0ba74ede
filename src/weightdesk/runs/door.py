"""The door through which the files of a run come in: anybody may have made them.

A file is a regular one inside the run's folder. A link is followed as long as it leads to a place inside;
one that leads out is refused, so that a run that was sent to somebody shows nothing but itself. Whatever
goes wrong while a file is read becomes one `RunFormatError` that names it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from weightdesk.errors import RunFormatError, WeightdeskError
from weightdesk.runs.stores import LocalStore, Store
from weightdesk.runs.stores.regularfiles import kind_of

_LONGEST: Final = 200  # characters of another library's message that are passed on


@contextmanager
def reading(store: Store, name: str, expected: str) -> Iterator[None]:
    """Check that the name is that of a file of the run, and name the file in whatever goes wrong.

    Arguments:
        store: where the run lies.
        name: the file, relative to the run.
        expected: what the file should be, such as `"a Parquet file"`, for the message.

    Raises:
        FileNotFoundError: there is no such file.
        RunFormatError: it is no file of the run, cannot be read, or is damaged.

    >>> from weightdesk.runs.stores import open_store
    >>> with reading(open_store("memory://door"), "run.json", "JSON text"):
    ...     raise ValueError("it ends too early")
    Traceback (most recent call last):
    ...
    weightdesk.errors.RunFormatError: memory://door/run.json is damaged: it ends too early; expected JSON text
    """
    try:
        _check_place(store, name)
        yield
    except (FileNotFoundError, NotADirectoryError, WeightdeskError):
        raise
    except OSError as error:
        # Arrow reports damage as an OSError, too, but without a number, as remote stores report what failed.
        is_failure = error.errno or not isinstance(store, LocalStore)
        fault = f"{'cannot be read' if is_failure else 'is damaged'}: {error.strerror or _line(error)}"
        raise RunFormatError(f"{store.location}/{name} {fault}; expected {expected}") from None
    except (pa.ArrowException, ValueError, MemoryError, OverflowError) as error:
        fault = f"is damaged: {_line(error)}"
        raise RunFormatError(f"{store.location}/{name} {fault}; expected {expected}") from None


def list_names(store: Store, folder: str) -> list[str]:
    """Names of the files in one folder of the run; none where something else has its name.

    Raises:
        RunFormatError: the folder cannot be looked into.
    """
    try:
        return store.names(folder)
    except NotADirectoryError:
        return []
    except OSError as error:
        raise RunFormatError(
            f"{store.location}/{folder} cannot be looked into: {error.strerror or error}; expected a folder "
            "that you may read"
        ) from None


def _check_place(store: Store, name: str) -> None:
    if not isinstance(store, LocalStore):
        return  # other stores have neither links nor devices
    root = store.location
    path, folder = f"{root}/{name}", os.lstat(f"{root}/{name.rpartition('/')[0]}")
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or stat.S_ISLNK(folder.st_mode):
        inside = os.path.realpath(root)
        if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
            raise RunFormatError(
                f"{path} is a link that leads out of the run; copy what it leads to into the run's folder"
            )
        mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode):
        raise RunFormatError(
            f"{path} is {kind_of(mode)}; expected a file, remove it to read the rest of the run"
        )


def _line(error: Exception) -> str:
    """The message of an error in one line that is not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
