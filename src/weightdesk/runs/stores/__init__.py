"""Where a run lies: a local folder, or anything that fsspec can reach.

A store keeps whole, named files and nothing else. A file appears under its name only once it is
complete, and never changes afterwards, except `run.json`, which is replaced as a whole. Names are
relative to the run and use `/`, such as `"metrics/part-00000001-00000001.parquet"`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from weightdesk.errors import OptionError
from weightdesk.paths import portable_path
from weightdesk.runs.stores.local import LocalStore
from weightdesk.runs.stores.remote import RemoteStore

__all__ = ["LocalStore", "RemoteStore", "Store", "open_store"]


class Store(Protocol):
    """What every store can do. A name that is not there raises `FileNotFoundError`."""

    @property
    def location(self) -> str:
        """The folder or address, as error messages show it."""
        ...

    def write(self, name: str, fill: Callable[[Path], object]) -> int:
        """Keep what `fill` writes to the local path it is given; return its size in bytes.

        The file replaces an older one of this name at once and as a whole. When `fill` or the
        store fails, the error passes on and nothing of the new file stays.
        """
        ...

    def scratch(self, name: str) -> Path:
        """A local path, not taken, where a file of this name can be made that takes some time.

        `fill` of `write` then moves it to its place, which copies nothing. Readers never see it.
        """
        ...

    def read(self, name: str) -> bytes:
        """The whole file."""
        ...

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on; fewer where the file ends before."""
        ...

    def open_parquet(self, name: str) -> pa.NativeFile:
        """The file as pyarrow reads it best; one that is cut short meanwhile gives an error."""
        ...

    def size(self, name: str) -> int:
        """Size of the file in bytes."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is a finished file of this name."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the finished files directly inside the folder, sorted; `""` is the run itself."""
        ...

    def delete(self, name: str) -> None:
        """Remove the file; one that is missing already is fine."""
        ...

    def clear(self) -> None:
        """Remove the run's files by their names, `run.json` last; the lease stays with whoever holds it.

        Files that the format does not name stay, and so do folders with such files.

        Raises:
            RunExistsError: there is something that weightdesk neither wrote nor may replace, such as the
                `run.json` of another program or a link inside the run. Nothing was removed.

        """
        ...

    def hold(self) -> Callable[[], None]:
        """Take the lease that tells readers the writer lives; the result gives it back.

        Raises:
            RunExistsError: another writer holds it, or something is in the way of a run's files.
            OptionError: nothing can be written at this place.

        """
        ...

    def renew(self) -> None:
        """Say that the writer still lives; call it at least every five seconds."""
        ...

    def is_held(self) -> bool:
        """Whether a living writer holds the lease."""
        ...


def open_store(location: str | os.PathLike[str]) -> Store:
    """The store at a local folder, or at an fsspec address such as `s3://bucket/run`.

    Nothing is created until something is written.

    Raises:
        RunNotFoundError: no file can have a name below the folder.
        OptionError: there is no such kind of address, it needs a package that is not installed, or the
            folder is that of an unknown user.

    >>> open_store("runs/mine").location
    'runs/mine'
    >>> open_store("memory://runs/mine").location
    'memory://runs/mine'
    """
    address = os.fspath(location)
    if not address:
        raise OptionError("the address of a run is empty; expected a folder or an address")
    if address.startswith(("file://", "local://")):  # better kept here than through fsspec: renamed, locked
        address = str(LocalFileSystem._strip_protocol(address))
    if "://" not in address:
        return LocalStore(Path(address))
    if address.startswith("://"):
        raise OptionError(f"{address} names no kind of store; expected an address such as s3://bucket/run")
    try:
        return RemoteStore(address)
    except Exception as error:  # each file system has errors of its own; a missing package is ImportError
        said = " ".join(str(error).split())
        raise OptionError(f"{portable_path(address)} cannot be reached: {said}") from error
