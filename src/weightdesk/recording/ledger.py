"""Owns `run.json` while a run is recorded, and the lease that tells readers the writer lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from weightdesk.errors import RunExistsError
from weightdesk.recording import environment
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
        """
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

    def close(
        self,
        status: str,
        note: str | None,
        last_step: Step,
        thinned: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Write how the run ended, and what the budgets left out of it; give the lease back."""
        if self.release is None:
            return
        ended = replace(
            self.manifest,
            status=status,
            note=note,
            closed=now(),
            last_step=last_step,
            recording={**self.manifest.recording, **thinned},
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
