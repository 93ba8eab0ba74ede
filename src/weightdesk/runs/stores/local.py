"""A run in a local folder."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from weightdesk.runs.format import MANIFEST
from weightdesk.runs.stores.heartbeat import LEASE, Heartbeat

if TYPE_CHECKING:
    from weightdesk.runs.stores.filelock import FileLock

_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


class LocalStore:
    """Files in a folder of this machine; see `Store` for what each method promises.

    >>> import tempfile
    >>> store = LocalStore(Path(tempfile.mkdtemp()))
    >>> store.write("notes/a.txt", lambda path: path.write_text("heard"))
    5
    >>> store.names("notes"), store.read_range("notes/a.txt", 1, 3)
    (['notes/a.txt'], b'ear')
    """

    def __init__(self, folder: Path) -> None:
        self._root = str(folder.expanduser())
        self._lease = _lease(self)

    @property
    def location(self) -> str:
        return self._root

    def write(self, name: str, fill: Callable[[Path], object]) -> int:
        partial = self.scratch(name)
        try:
            fill(partial)
            size = partial.stat().st_size
            partial.replace(self._path(name))
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return size

    def scratch(self, name: str) -> Path:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{path.name}.{secrets.token_hex(4)}")

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        # Plain calls without Path objects: the history of a weight makes one for every snapshot.
        descriptor = os.open(f"{self._root}/{name}", os.O_RDONLY | _BINARY)
        try:
            os.lseek(descriptor, offset, os.SEEK_SET)
            content = os.read(descriptor, length)
            while len(content) < length and (more := os.read(descriptor, length - len(content))):
                content += more  # the kernel hands out 2 GiB at most in one call
            return content
        finally:
            os.close(descriptor)

    def open_parquet(self, name: str) -> pa.NativeFile:
        return pa.memory_map(f"{self._root}/{name}")

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def names(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(self._path(folder)) as entries:
                return sorted(prefix + e.name for e in entries if e.name[0] != "." and e.is_file())
        except FileNotFoundError:
            return []

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def clear(self) -> None:
        if not self.exists(MANIFEST):
            return  # not a run: somebody else's files
        for child in Path(self._root).iterdir():
            if child.is_dir():
                shutil.rmtree(child)
            elif child.name not in (MANIFEST, LEASE):
                child.unlink()
        self.delete(MANIFEST)

    def hold(self) -> Callable[[], None]:
        return self._lease.hold()

    def renew(self) -> None:
        self._lease.renew()

    def is_held(self) -> bool:
        return self._lease.is_held()

    def _path(self, name: str) -> Path:
        return Path(self._root, name)


def _lease(store: LocalStore) -> FileLock | Heartbeat:
    if sys.platform == "win32":
        return Heartbeat(store)
    from weightdesk.runs.stores.filelock import FileLock

    return FileLock(Path(store.location, LEASE))
