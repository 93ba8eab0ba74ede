"""Removes a run by the names of its files: what else lies in its folder belongs to the user."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from weightdesk.errors import RunExistsError
from weightdesk.runs.format import CAPTURE, FOLDERS, FORMAT, MANIFEST, is_run_file
from weightdesk.runs.stores.heartbeat import LEASE

if TYPE_CHECKING:
    from weightdesk.runs.stores import Store

_START: Final = 4096  # bytes of run.json; the format is its first field
_OURS: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*"' + FORMAT.encode() + rb'"')


def clear_run(store: Store, all_names: Callable[[str], list[str]]) -> bool:
    """Remove the files of the run in a store, `run.json` last; whether there was one.

    Arguments:
        store: where the run lies.
        all_names: names of the files directly inside a folder, those of unfinished files included.

    Raises:
        RunExistsError: `run.json` is that of another program, or it is missing though there are files of
            a run; nothing was removed.
    """
    names = [name for folder in ("", *FOLDERS) for name in all_names(folder) if is_run_file(name)]
    if store.exists(MANIFEST):
        _refuse_other_programs(store)
    else:
        _refuse_leftovers(store, names)
        return False
    for name in names:
        if name not in (MANIFEST, LEASE):
            store.delete(name)
    store.delete(MANIFEST)
    return True


def _refuse_other_programs(store: Store) -> None:
    start = store.read_range(MANIFEST, 0, _START)
    # A loss of power may leave an empty file or zeros, which nobody will miss.
    if start.strip(b"\0\r\n\t ") and not _OURS.match(start):
        raise RunExistsError(
            f"{store.location}/{MANIFEST} was not written by weightdesk; "
            "choose another folder, or move this file away"
        )


def _refuse_leftovers(store: Store, names: list[str]) -> None:
    """Parts and snapshots that are there already would be read as those of the new run."""
    left = [name for name in names if "/" in name and not name.startswith(f"{CAPTURE}/")]
    finished = [name for name in left if not name.rpartition("/")[2].startswith(".")]
    if finished:
        raise RunExistsError(
            f"{store.location} has no {MANIFEST}, but files of a run such as {finished[0]}; "
            "choose another folder, or remove them"
        )
