"""A run behind an fsspec address: an object store, a remote machine, the memory of this process."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from weightdesk.runs.stores.clearing import clear_run
from weightdesk.runs.stores.heartbeat import Heartbeat
from weightdesk.runs.stores.reached import Reached


class RemoteStore:
    """Files under an fsspec address; see `Store` for what each method promises.

    A file appears at once where the file system uploads whole objects, as object stores do.

    >>> store = RemoteStore("memory://shelf")
    >>> store.write("notes/a.txt", lambda path: path.write_text("heard"))
    5
    >>> store.names("notes"), store.read_range("notes/a.txt", 1, 3)
    (['notes/a.txt'], b'ear')
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files: Any
        files, root = fsspec.url_to_fs(self._url)
        self._files = Reached(files, self._url)
        self._root = str(root).rstrip("/")
        self._lease = Heartbeat(self)

    @property
    def location(self) -> str:
        return self._url

    def write(self, name: str, fill: Callable[[Path], object]) -> int:
        path = self._path(name)
        # No `TemporaryDirectory`: a process forked meanwhile would remove it, too, when it ends.
        folder = tempfile.mkdtemp(prefix="weightdesk-")
        try:
            local = Path(folder, "file")
            fill(local)
            size = local.stat().st_size
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(local), path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return size

    def scratch(self, name: str) -> Path:
        return Path(tempfile.gettempdir(), f"weightdesk-{secrets.token_hex(8)}-{Path(name).name}")

    def read(self, name: str) -> bytes:
        return bytes(self._files.cat_file(self._path(name)))

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        return bytes(self._files.cat_file(self._path(name), start=offset, end=offset + length))

    def open_parquet(self, name: str) -> pa.NativeFile:
        return pa.PythonFile(self._files.open(self._path(name), "rb"), mode="r")

    def size(self, name: str) -> int:
        return int(self._files.size(self._path(name)))

    def exists(self, name: str) -> bool:
        self._files.invalidate_cache()
        return bool(self._files.isfile(self._path(name)))

    def names(self, folder: str) -> list[str]:
        return [name for name in self._all_names(folder) if not name.rpartition("/")[2].startswith(".")]

    def _all_names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()  # another process may have written meanwhile
        prefix = f"{folder}/" if folder else ""
        try:
            entries = self._files.ls(self._path(folder), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        files = [entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "file"]
        return sorted(prefix + name for name in files)

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def clear(self) -> None:
        clear_run(self, self._all_names)

    def hold(self) -> Callable[[], None]:
        return self._lease.hold()

    def renew(self) -> None:
        self._lease.renew()

    def is_held(self) -> bool:
        return self._lease.is_held()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")
