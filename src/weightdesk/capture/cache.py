"""Results that took a while, kept beside the run as plain safetensors files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, TypeAlias, TypeVar

import pyarrow as pa
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from weightdesk.errors import WeightdeskError
from weightdesk.runs.checksums import KEY, join_checksums, tensor_checksum
from weightdesk.runs.format import CAPTURE
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.stores import Store

Arrays: TypeAlias = Mapping[str, Tensor]
T = TypeVar("T")

_MISREAD: Final = (ValueError, LookupError, TypeError, AttributeError)  # of a parser given something else
_UNREADABLE: Final = (OSError, WeightdeskError, pa.ArrowException, *_MISREAD)


@dataclass(frozen=True)
class Cache:
    """Keeps results in the folder `capture` of a run.

    It only saves time: a damaged file is computed again, and a run that may not be written to, or whose
    folder `capture` is a link to elsewhere, is read without keeping anything.

    Arguments:
        store: where the run lies; None: nothing is kept.

    >>> import tempfile, torch
    >>> from weightdesk.runs.stores import open_store
    >>> cache = Cache(open_store(tempfile.mkdtemp()))
    >>> for _ in range(2):
    ...     found = cache.get("sum", {"step": 3}, lambda: print("computed") or {"sum": torch.ones(1)})
    computed
    >>> found
    {'sum': tensor([1.])}
    """

    store: Store | None = None

    def get(self, kind: str, about: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The result about something: the one that is kept, or a new one, which is kept from now on.

        Arguments:
            kind: what is asked, a word such as `probes`.
            about: everything that decides the answer, as plain JSON values; the version of this package
                decides, too.
            make: computes it.
        """
        return self.get_parsed(kind, about, make, lambda arrays: arrays)

    def get_parsed(
        self, kind: str, about: Mapping[str, Any], make: Callable[[], Arrays], parse: Callable[[Arrays], T]
    ) -> T:
        """What a result says; see `get`.

        Arguments:
            kind: what is asked.
            about: everything that decides the answer.
            make: computes it.
            parse: reads the result. If it fails on one that was kept, that one is computed again: anybody
                may have written it.
        """
        if self.store is None:
            return parse(make())
        name = f"{CAPTURE}/{kind}-{_digest({'version': version('weightdesk'), **about})}.safetensors"
        with suppress(*_UNREADABLE):
            return parse(_read(self.store, name))
        made = make()
        tensors = {key: value.detach().cpu().contiguous() for key, value in made.items()}
        checksums = join_checksums({key: tensor_checksum(value) for key, value in tensors.items()})
        metadata = {"about": json.dumps(about), KEY: checksums}
        with suppress(OSError, SafetensorError):  # a full disk, a folder of somebody else's, a link
            self.store.write(name, lambda path: save_file(tensors, path, metadata))
        return parse(made)


def _read(store: Store, name: str) -> Arrays:
    reader = SnapshotReader(store)
    return {key: reader.tensor(name, key) for key in reader.header(name).entries}


def _digest(about: Mapping[str, Any]) -> str:
    text = json.dumps(about, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
