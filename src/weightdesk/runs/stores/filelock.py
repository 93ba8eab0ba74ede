"""A lease as a kernel lock on a file: it is freed at the moment its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from weightdesk.errors import RunExistsError, RunFormatError
from weightdesk.runs.stores.regularfiles import NOFOLLOW, open_regular, refuse_obstacle

_PATIENCE: Final = 0.5
_held: set[int] = set()


def _forget_after_fork() -> None:
    # A forked data-loading worker inherits the locked descriptor and, as long as it has it open,
    # keeps the lease alive after its parent was killed.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


class FileLock:
    """The lease of one local folder: `flock` on a file in it.

    >>> import tempfile
    >>> lock = FileLock(Path(tempfile.mkdtemp()) / ".lease")
    >>> release = lock.hold()
    >>> lock.is_held()
    True
    >>> release(); lock.is_held()
    False
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def hold(self) -> Callable[[], None]:
        """Take the lock; the result gives it back."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        refuse_obstacle(self._path)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | NOFOLLOW, 0o666)
        if not _locked(descriptor, patience=_PATIENCE):
            os.close(descriptor)
            raise RunExistsError(
                f"{self._path.parent} is being recorded by another process: "
                f"wait until it ends, or record to another place"
            )
        _held.add(descriptor)

        def release() -> None:
            if descriptor in _held:
                _held.remove(descriptor)
                os.close(descriptor)

        return release

    def renew(self) -> None:
        """Nothing to do: the kernel knows whether the holder lives."""

    def is_held(self) -> bool:
        """Whether some process, this one included, has the lock."""
        try:
            descriptor = open_regular(str(self._path))
        except (FileNotFoundError, NotADirectoryError, RunFormatError):
            return False
        except PermissionError:
            return True  # another user's: nobody can say that its writer is gone
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def _locked(descriptor: int, patience: float) -> bool:
    # A reader that probes the lease holds it for a few microseconds: try again before giving up.
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True
