"""A run in a local folder."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from weightdesk.errors import OptionError, WeightdeskError
from weightdesk.runs.format import FOLDERS, MANIFEST, is_run_file
from weightdesk.runs.stores.clearing import clear_run
from weightdesk.runs.stores.flushing import Flusher
from weightdesk.runs.stores.heartbeat import LEASE, Heartbeat
from weightdesk.runs.stores.regularfiles import expanded, open_regular, refuse_obstacle
from weightdesk.runs.stores.reserve import FULL, Reserve, write_in_place

if TYPE_CHECKING:
    from weightdesk.runs.stores.filelock import FileLock


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
        self._root = str(expanded(folder))
        self._lease = _lease(self)
        self._flusher = Flusher()
        self._reserve: Reserve | None = None  # only while this store holds the lease
        self._renamed: set[Path] = set()  # folders with names that may not be on the disk yet

    @property
    def location(self) -> str:
        return self._root

    def write(self, name: str, fill: Callable[[Path], object]) -> int:
        path = self._path(name)
        self._make_folders(name)
        refuse_obstacle(path)
        if name != MANIFEST:
            return self._put(path, fill)
        size = self._put_manifest(path, fill)
        if self._reserve is not None:
            self._reserve.take(size)
        return size

    def _put(self, path: Path, fill: Callable[[Path], object], *, must: bool = False) -> int:
        """Write a file under another name, flush it, and rename it."""
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            fill(partial)
            size = partial.stat().st_size
            self._flusher.flush(partial, must=must)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        self._renamed.add(path.parent)
        return size

    def scratch(self, name: str) -> Path:
        path = self._path(name)
        self._make_folders(name)
        refuse_obstacle(path)
        return path.with_name(f".{path.name}.{secrets.token_hex(4)}")

    def _put_manifest(self, path: Path, fill: Callable[[Path], object]) -> int:
        """Write `run.json`, by all means; one that replaces another is on the disk when this returns."""
        replaces = path.exists()
        try:
            size = self._put(path, fill, must=replaces)
        except OSError as error:
            if self._reserve is None or error.errno not in FULL:
                raise
            self._reserve.release()
            try:
                size = self._put(path, fill, must=replaces)
            except OSError:
                size = write_in_place(path, fill)
        if replaces:
            self._flusher.flush_folder(path.parent, must=True)
        return size

    def _make_folders(self, name: str) -> None:
        """Make the folders that a file lies in, and refuse links inside the run."""
        folder = Path(self._root)
        for part in ("", *Path(name).parent.parts):
            folder = folder / part
            # The run's own folder may be a link: its user named it.
            if not (refuse_obstacle(folder, folder=True) if part else folder.is_dir()):
                folder.mkdir(parents=True, exist_ok=True)
                self._renamed.add(folder.parent)

    def read(self, name: str) -> bytes:
        with os.fdopen(open_regular(f"{self._root}/{name}"), "rb") as file:
            return file.read()

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        # Plain calls without Path objects: the history of a weight makes one for every snapshot.
        descriptor = open_regular(f"{self._root}/{name}")
        try:
            os.lseek(descriptor, offset, os.SEEK_SET)
            content = os.read(descriptor, length)
            while len(content) < length and (more := os.read(descriptor, length - len(content))):
                content += more  # the kernel hands out 2 GiB at most in one call
            return content
        finally:
            os.close(descriptor)

    def open_parquet(self, name: str) -> pa.NativeFile:
        # No memory map: a file that is cut short while it is read would end the process.
        os.close(open_regular(f"{self._root}/{name}"))
        return pa.OSFile(f"{self._root}/{name}")

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def names(self, folder: str) -> list[str]:
        return [name for name in self._all_names(folder) if name.rpartition("/")[2][0] != "."]

    def _all_names(self, folder: str) -> list[str]:
        """Names of the files inside the folder, those of unfinished files included."""
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(self._path(folder)) as entries:
                return sorted(prefix + entry.name for entry in entries if _is_file(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def delete(self, name: str) -> None:
        path = self._path(name)
        if name.rpartition("/")[0]:
            refuse_obstacle(path.parent, folder=True)
        if path.parent in self._renamed:
            # What takes the place of this file must be found after a loss of power if this one is not.
            self._renamed.discard(path.parent)
            with suppress(FileNotFoundError):
                self._flusher.flush_folder(path.parent)
        path.unlink(missing_ok=True)

    def clear(self) -> None:
        self._refuse_obstacles()
        if not clear_run(self, self._all_names):
            return
        for folder in FOLDERS:
            with suppress(OSError):  # it is not empty: files of the user lie in it
                self._path(folder).rmdir()

    def _refuse_obstacles(self) -> None:
        """Refuse what weightdesk would have to follow or to replace, before anything is written."""
        for name in (MANIFEST, LEASE):
            refuse_obstacle(self._path(name))
        for folder in FOLDERS:
            if refuse_obstacle(self._path(folder), folder=True):
                for path in self._path(folder).iterdir():
                    if is_run_file(f"{folder}/{path.name}"):
                        refuse_obstacle(path)

    def hold(self) -> Callable[[], None]:
        try:
            self._make_folders(LEASE)
            self._refuse_obstacles()
            release = self._lease.hold()
        except WeightdeskError:
            raise
        except OSError as error:
            raise OptionError(
                f"no run can be kept in {self._root}: {error.strerror}; choose another folder"
            ) from None
        if isinstance(self._lease, Heartbeat):
            return release
        self._reserve = Reserve(self._path(LEASE))

        def end() -> None:
            if self._reserve is not None:
                self._reserve.release()
                self._reserve = None
            release()

        return end

    def renew(self) -> None:
        self._lease.renew()

    def is_held(self) -> bool:
        return self._lease.is_held()

    def _path(self, name: str) -> Path:
        return Path(self._root, name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _lease(store: LocalStore) -> FileLock | Heartbeat:
    if sys.platform == "win32":
        return Heartbeat(store)
    from weightdesk.runs.stores.filelock import FileLock

    return FileLock(Path(store.location, LEASE))
