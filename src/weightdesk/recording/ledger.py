"""Owns `run.json` while a run is recorded, and the lease that tells readers the writer lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from weightdesk.errors import RunExistsError
from weightdesk.recording import environment
from weightdesk.recording.membership import Membership
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
        """
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

    def close(self, status: str, note: str | None, last_step: Step) -> None:
        """Write how the run ended and give the lease back."""
        if self.release is None:
            return
        self.manifest.recording["notes"].extend(self.late_notes())
        ended = replace(
            self.manifest,
            status=status,
            note=note,
            closed=now(),
            last_step=last_step,
            git=environment.git_commit(),
        )
        try:
            write_manifest(self.store, ended)
        finally:
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
    if overwrite:
        store.clear()
    write_manifest(store, manifest)
    return release
