"""Owns `run.json` while a run is recorded, and the lease that tells readers the writer lives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from weightdesk.errors import OptionError, RunExistsError
from weightdesk.paths import in_utf8
from weightdesk.recording.membership import Membership
from weightdesk.recording.notes import Notes
from weightdesk.runs.format import MANIFEST
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.stores import Store
from weightdesk.types import Step


@dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    Attributes:
        status: as `run.json` has it.
        note: the reason, if there is one to tell.
        last_step: optimizer steps done.
        notes: what the recording left out, beside what was known when it began.
        facts: further entries of `recording`.
    """

    status: str
    note: str | None
    last_step: Step
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """The entry of a run under way. Only the first of several processes has one that writes."""

    store: Store
    manifest: Manifest
    release: Callable[[], None] | None
    late_notes: Callable[[], list[str]] = list
    """Asked at the end for what only then is known."""

    @classmethod
    def open(
        cls, store: Store, manifest: Manifest, membership: Membership | None, *, overwrite: bool
    ) -> Ledger:
        """Make the place ours and write the manifest; only process 0 does, and tells the others.

        Arguments:
            store: where the run lies.
            manifest: of the run.
            membership: of this process among several.
            overwrite: whether a run that is there goes.

        Raises:
            RunExistsError: a run is there already and is not to be overwritten.
            OptionError: the manifest holds something that JSON cannot.
        """
        _check_json(manifest)
        if membership is None:
            return cls(store, manifest, _claim(store, manifest, overwrite))
        if membership.number:
            return cls(store, manifest, None)
        try:
            release = _claim(store, manifest, overwrite)
        except Exception as error:
            membership.announce(error)
            raise
        membership.announce()
        return cls(store, manifest, release, membership.notes_on_others)

    def write_changes(self, notes: Notes) -> None:
        """Write `run.json` again if there are new notes."""
        if notes.changed and self.release is not None:
            notes.changed = False
            _write(self.store, self.manifest)

    def write(self, end: RunEnd) -> None:
        """Write how the run ended, while the lease stays."""
        if self.release is None:
            return
        recording = {**self.manifest.recording, **end.facts}
        recording["notes"] = [*recording.get("notes", []), *end.notes, *self.late_notes()]
        ended = replace(
            self.manifest,
            status=end.status,
            note=end.note,
            closed=now(),
            last_step=end.last_step,
            recording=recording,
        )
        _write(self.store, ended)

    def close(self, end: RunEnd, *, is_written: bool = True) -> None:
        """Write how the run ended and give the lease back.

        Arguments:
            end: of the run.
            is_written: false if a thread of this process still writes to the run; then the lease stays with
                the process, so that nobody else begins to write there.
        """
        try:
            self.write(end)
        finally:
            if self.release is not None and is_written:
                self.release()


def now() -> str:
    """The present moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _claim(store: Store, manifest: Manifest, overwrite: bool) -> Callable[[], None]:
    _refuse_run(store, overwrite)
    release = store.hold()
    try:
        _refuse_run(store, overwrite)  # another process may have recorded one meanwhile
        store.clear()
        _write(store, manifest)
    except BaseException:  # Ctrl-C, too: a lease that nobody gives back is held until the process ends
        release()
        raise
    return release


def _refuse_run(store: Store, overwrite: bool) -> None:
    if not overwrite and store.exists(MANIFEST):
        raise RunExistsError(
            f"{store.location} already holds a run; choose another folder, or replace it with overwrite"
        )


def _check_json(manifest: Manifest) -> None:
    """Refuse what JSON cannot hold.

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


def _write(store: Store, manifest: Manifest) -> None:
    """Write a manifest as a file of JSON in UTF-8 can hold it."""
    try:
        write_manifest(store, manifest)
    except ValueError:  # few have something to be replaced, and to look for it takes longer than to write
        entries = {field.name: _plain(getattr(manifest, field.name)) for field in fields(manifest)}
        write_manifest(store, replace(manifest, **entries))


def _plain(entry: Any) -> Any:
    """Text without the lone surrogates of undecodable arguments, and words for numbers that JSON lacks."""
    if isinstance(entry, str):
        return in_utf8(entry)
    if isinstance(entry, dict):
        return {_plain(name): _plain(member) for name, member in entry.items()}
    if isinstance(entry, (list, tuple)):
        return [_plain(member) for member in entry]
    return repr(entry) if isinstance(entry, float) and not math.isfinite(entry) else entry
