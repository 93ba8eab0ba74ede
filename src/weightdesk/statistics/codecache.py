"""Keeps object code between processes: what comes back is what was kept, or nothing.

A loss of power, a full disk or a process that died may leave half a file, and code that is not whole
ends the process that runs it. So a file begins with the digest of what follows, is written under a name
of its own, and gets its name when it is on the disk.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_ABANDONED: Final = 3600.0
"""Seconds after which an unfinished file has no writer any more: writing takes less than one."""


def cache_folders() -> list[Path]:
    """Where code may be kept: beside the package, else in the user's cache, if the user has one."""
    folders = [Path(__file__).with_name("__pycache__")]
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if cache.is_absolute():  # the specification has relative ones ignored
        folders.append(cache / "weightdesk")
    else:
        with suppress(RuntimeError):  # neither HOME nor an entry for this user, as in a container
            folders.append(Path.home() / ".cache" / "weightdesk")
    return folders


def find_code(folders: list[Path], name: str) -> bytes | None:
    """The code that was kept under a name; None if there is none that is whole.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> keep_code([folder], "code.o", b"machine code"); find_code([folder], "code.o")
    b'machine code'
    """
    for folder in folders:
        try:
            if not stat.S_ISREG((folder / name).stat().st_mode):
                continue  # reading a FIFO would never end
            content = (folder / name).read_bytes()
        except (OSError, ValueError):
            continue
        digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(code).digest() == digest:
            return code
    return None


def keep_code(folders: list[Path], name: str, code: bytes) -> None:
    """Keep code in the first folder that takes it; none need take it."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(folder, name)
            _write(folder / name, hashlib.sha256(code).digest() + code)
        except (OSError, ValueError):
            continue
        return


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _remove_abandoned(folder: Path, name: str) -> None:
    """Remove unfinished files of processes that were killed while they wrote."""
    for path in folder.glob(f".{name}.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
