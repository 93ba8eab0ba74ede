"""Owns `run.json` while a run is recorded, and the lease that tells readers the writer lives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from weightdesk.errors import OptionError, RunExistsError
from weightdesk.recording.ranks import Rank, tell_all
from weightdesk.runs.format import MANIFEST
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.stores import Store
from weightdesk.types import Step


@dataclass(frozen=True)
class Ledger:
    """The entry of a run under way. Only the first of several processes has one that writes."""

    store: Store
    manifest: Manifest
    release: Callable[[], None] | None

    @classmethod
    def open(cls, store: Store, manifest: Manifest, rank: Rank, *, overwrite: bool) -> Ledger:
        """Make the place ours and write the manifest; in all processes together where there are several.

        Raises:
            RunExistsError: a run is there already and is not to be overwritten.
            OptionError: the manifest holds something that JSON cannot.
        """
        manifest = _as_json(manifest)
        if rank.count == 1:
            return cls(store, manifest, _claim(store, manifest, overwrite))
        release, problem = None, None
        if rank.number == 0:
            try:
                release = _claim(store, manifest, overwrite)
            except Exception as error:
                problem = error
        if rank.sharded:  # only then does every process call watch
            tell_all(problem)
        elif problem is not None:
            raise problem
        return cls(store, manifest, release)

    def write(self, status: str, note: str | None, last_step: Step, notes: Sequence[str] = ()) -> None:
        """Write how the run ended, while the lease stays.

        Arguments:
            status: as `run.json` has it.
            note: the reason, if there is one to tell.
            last_step: optimizer steps done.
            notes: what the recording left out, beside what was known when it began.
        """
        if self.release is None:
            return
        recording = dict(self.manifest.recording)
        if notes:
            recording["notes"] = [*recording.get("notes", []), *notes]
        ended = replace(
            self.manifest,
            status=status,
            note=note,
            closed=now(),
            last_step=last_step,
            recording=recording,
        )
        write_manifest(self.store, ended)

    def close(
        self,
        status: str,
        note: str | None,
        last_step: Step,
        notes: Sequence[str] = (),
        *,
        is_written: bool = True,
    ) -> None:
        """Write how the run ended and give the lease back.

        Arguments:
            status: as for `write`, and so are `note`, `last_step` and `notes`.
            is_written: false if a thread of this process still writes to the run; then the lease stays with
                the process, so that nobody else begins to write there.
        """
        try:
            self.write(status, note, last_step, notes)
        finally:
            if self.release is not None and is_written:
                self.release()


def now() -> str:
    """The present moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _claim(store: Store, manifest: Manifest, overwrite: bool) -> Callable[[], None]:
    if store.exists(MANIFEST) and not overwrite:
        raise RunExistsError(
            f"{store.location} already holds a run; choose another folder, or replace it with overwrite"
        )
    release = store.hold()
    try:
        if overwrite:
            store.clear()
        write_manifest(store, manifest)
    except BaseException:  # Ctrl-C, too: a lease that nobody gives back is held until the process ends
        release()
        raise
    return release


def _as_json(manifest: Manifest) -> Manifest:
    """The manifest as a file of JSON in UTF-8 can hold it.

    Raises:
        OptionError: an entry of the user's that is no JSON.
    """
    for name in ("recipe", "parent", "seeds"):
        try:
            json.dumps(getattr(manifest, name))
        except (TypeError, ValueError, RecursionError) as error:
            raise OptionError(
                f"{name} goes into run.json and must be made of dicts, lists, texts and numbers: {error}"
            ) from None
    return replace(
        manifest, **{field.name: _plain(getattr(manifest, field.name)) for field in fields(manifest)}
    )


def _plain(entry: Any) -> Any:
    """Text without the lone surrogates of undecodable arguments, and words for numbers that JSON lacks."""
    if isinstance(entry, str):
        return entry if entry.isascii() else entry.encode("utf-8", "backslashreplace").decode()
    if isinstance(entry, dict):
        return {_plain(name): _plain(member) for name, member in entry.items()}
    if isinstance(entry, (list, tuple)):
        return [_plain(member) for member in entry]
    return repr(entry) if isinstance(entry, float) and not math.isfinite(entry) else entry
