"""Single files where their user wants them, such as turned weights or a report."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from weightdesk.runs.stores.local import LocalStore
from weightdesk.runs.stores.regularfiles import expanded


def write_whole(path: str | os.PathLike[str], fill: Callable[[Path], object]) -> int:
    """Write a local file, which appears as a whole or not at all; return its size in bytes.

    A regular file of this name is replaced.

    Arguments:
        path: where the file goes; missing folders are made.
        fill: writes the content to the path that it is given.

    Raises:
        OSError: the file cannot be written.
        RunExistsError: a link, a folder or a device has its name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.txt")
    >>> write_whole(file, lambda place: place.write_text("heard")), file.read_text()
    (5, 'heard')
    """
    file = expanded(path)
    return LocalStore(file.parent).write(file.name, fill)
