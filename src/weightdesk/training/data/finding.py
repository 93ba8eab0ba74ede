"""Where the user's own data lie that a run was trained on: a run knows their name and content, no folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from weightdesk.errors import DataError, OptionError
from weightdesk.paths import expand_home, portable_path
from weightdesk.training.data.source import FILES, Source, content_hash

_LARGEST: Final = 8 << 30  # bytes that are read only to see whether they are the data: some seconds
_MOST_FILES: Final = 1_000_000


def find_data(source: Source, near: str, named: str | None = None) -> Source:
    """The source with the path of its data on this machine.

    A run that somebody else sends may name any file. So what it names is looked for below the working
    directory, in the run's folder, and in the two folders above it, as runs lie in `runs/` beside the data;
    what is found there is opened only if its content is the one that was trained on.

    Arguments:
        source: as a run stored it.
        near: the folder of the run, or its address.
        named: the file or folder that the user names; None: it is looked for.

    Raises:
        DataError: they are not there, or of another content.
        OptionError: data are named for a built-in set, which has none.

    >>> find_data(Source(kind="xor", path="/dev/zero"), "runs/xor").path
    ''
    """
    if source.kind not in FILES:
        if named is not None:
            raise OptionError(f"--data names data of your own; {near} is of the built-in {source.kind}")
        return _at(source, "", None)
    if named is not None:
        return _named(source, named)
    changed = None
    for place in _places(source.path, near):
        found = _at(source, str(place), source.content_hash)
        if content_hash(found) == source.content_hash:
            return found
        changed = changed or place
    name = PurePosixPath(portable_path(source.path)).name or "its data"
    if changed is not None:
        raise DataError(
            f"{changed} has changed since the run was made; put the old content back, name the data with "
            "--data, or train on the new ones as a new run"
        )
    raise DataError(
        f"{near} was trained on {name}, which lies neither in the working directory nor beside the run; put "
        "it there, or name it with --data"
    )


def _named(source: Source, named: str) -> Source:
    place = expand_home(named)
    if not place.exists():
        raise DataError(f"--data: no file or folder at {place}")
    found = _at(source, str(place.resolve()), source.content_hash)
    if source.content_hash is not None and content_hash(found) != source.content_hash:
        raise DataError(f"--data: {place} is not what the run was trained on: its content is another one")
    return found


def _at(source: Source, path: str, digest: str | None) -> Source:
    return replace(source, path=path, content_hash=digest)


def _places(path: str, near: str) -> Iterator[Path]:
    """Where data of this name lie that may be opened without being named."""
    told = portable_path(path)
    names = dict.fromkeys(each for each in (told, PurePosixPath(told).name) if each and "\0" not in each)
    if "://" in told or not PurePosixPath(told).name:  # "." would be the whole working directory
        return
    for name in names:
        if _is_plain(here := Path.cwd() / name):
            yield here
    if "://" in near:
        return
    run = Path(near).resolve()
    for folder in (run, *run.parents[:2]):
        for name in names:
            place = folder / name
            # A link out of a folder that somebody else has sent leads to what its sender chose.
            if _is_plain(place) and place.resolve().is_relative_to(folder) and not _has_links(place):
                yield place


def _is_plain(place: Path) -> bool:
    """Whether there is a file, or a folder, of bounded size; devices and pipes are neither."""
    try:
        if place.is_file():
            return place.stat().st_size <= _LARGEST
        if not place.is_dir():
            return False
        size = 0
        for count, each in enumerate(place.rglob("*")):
            size += each.stat().st_size if each.is_file() else 0
            if size > _LARGEST or count > _MOST_FILES:
                return False
    except OSError:  # not ours to read, or a name that is too long
        return False
    return True


def _has_links(place: Path) -> bool:
    return place.is_dir() and any(each.is_symlink() for each in place.rglob("*"))
