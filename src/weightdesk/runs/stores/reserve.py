"""Room on the disk for the last `run.json`: on a full disk a run can still say that it stopped, and why."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

_MARGIN: Final = 4096
"""Bytes by which the last `run.json` may be longer than the first: status, note, time and git commit."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
"""Error numbers of a disk, or of a user's quota, that is full."""


class Reserve:
    """Bytes in a file that only takes up room.

    >>> path = Path(tempfile.mkdtemp(), "room")
    >>> reserve = Reserve(path)
    >>> reserve.take(100); path.stat().st_size
    4196
    >>> reserve.release(); path.stat().st_size
    0
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, size: int) -> None:
        """Take room for a file of a size and a margin, if there is that much."""
        try:
            # random bytes: file systems that compress would keep no room for zeros
            self._path.write_bytes(os.urandom(size + _MARGIN))
        except OSError:
            self.release()

    def release(self) -> None:
        """Give the room back."""
        if self._path.exists():
            os.truncate(self._path, 0)


def write_in_place(path: Path, fill: Callable[[Path], object]) -> int:
    """Write over a file inside the blocks that it has; return the new size in bytes.

    The last resort on a full disk: if the process dies meanwhile, the file is damaged.

    Raises:
        OSError: the content needs more blocks.
    """
    with tempfile.TemporaryDirectory(prefix="weightdesk-") as folder:
        elsewhere = Path(folder, path.name)
        fill(elsewhere)
        content = elsewhere.read_bytes()
    with path.open("r+b") as file:
        if len(content) > os.fstat(file.fileno()).st_blocks * 512:  # the unit of st_blocks everywhere
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    return len(content)
