"""Sees that a file's content is on the disk, and not only in the system's memory, when it gets its name.

Otherwise a loss of power may leave the name without the content: an empty file, or zeros. A disk may
take milliseconds for this, or seconds, in which the thread that writes a run could do nothing else. So
large files are flushed by a thread of their own right after they got their names, and so are small ones
while flushing takes more than a tenth of the time. What was cut short in between is noticed when it is
read: tables and snapshots have checksums.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

_LARGE: Final = 4 << 20
"""Bytes above which a file is flushed later: 40 ms on a hard disk of 100 MB/s, about as long as it takes
such a disk to flush the smallest file."""
_SHARE: Final = 0.1
"""Share of the time since the first file that flushing may take: a flush of the tables each second,
three or four files of 20 ms, stays inside."""
_HEAD_START: Final = 0.25
"""Seconds of flushing that the first files may take beyond that share."""
_WAITING: Final = 8
"""Files that wait for the other thread at most. Further ones are left to the system, which writes within
about 30 s by itself: each holds a descriptor open, of which a process has a limited number."""

_OPENED: Final = os.O_RDWR if os.name == "nt" else os.O_RDONLY  # Windows flushes what may be written only

# File systems that cannot flush say so with one of these.
_NO_FLUSH: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EROFS}


class Flusher:
    """Flushes the files that one store writes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "file")
    >>> _ = path.write_text("content")
    >>> Flusher().flush(path)
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._spent = 0.0

    def flush(self, path: Path, *, must: bool = False) -> None:
        """Flush a file that is about to be renamed: now, or later if now would take too long.

        Arguments:
            path: the finished file.
            must: whether to wait for the disk however long that takes.

        Raises:
            OSError: the disk did not take the content.
        """
        descriptor = os.open(path, _OPENED)
        if must or (os.fstat(descriptor).st_size <= _LARGE and self._is_affordable()):
            self._flush_now(descriptor)
        else:
            _flush_later(descriptor)

    def flush_folder(self, folder: str | os.PathLike[str], *, must: bool = False) -> None:
        """Flush the names in a folder, if the system can do that and it does not take too long."""
        if hasattr(os, "O_DIRECTORY") and (must or self._is_affordable()):
            self._flush_now(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))

    def _is_affordable(self) -> bool:
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return self._spent <= _HEAD_START + _SHARE * (now - self._began)

    def _flush_now(self, descriptor: int) -> None:
        began = time.monotonic()
        try:
            _flush(descriptor)
        finally:
            os.close(descriptor)
            self._spent += time.monotonic() - began


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


_lock = threading.Lock()
_waiting: Final[deque[int]] = deque()
_thread: threading.Thread | None = None


def _flush_later(descriptor: int) -> None:
    global _thread
    with _lock:
        if len(_waiting) >= _WAITING or os.name == "nt":  # Windows renames no file that is open
            os.close(descriptor)
            return
        _waiting.append(descriptor)
        if _thread is None:
            _thread = threading.Thread(target=_flush_waiting, name="weightdesk-flush", daemon=True)
            _thread.start()


def _flush_waiting() -> None:
    global _thread
    while True:
        with _lock:
            if not _waiting:
                _thread = None
                return
            descriptor = _waiting.popleft()
        try:
            os.fsync(descriptor)
        except OSError:
            pass  # the file has its name already: its checksum tells what is missing
        finally:
            os.close(descriptor)


def _forget_after_fork() -> None:
    """The thread stays with the parent, and its lock may be held at this moment."""
    global _lock, _thread
    _lock, _thread = threading.Lock(), None
    while _waiting:
        os.close(_waiting.popleft())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
