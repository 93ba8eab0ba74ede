"""Results that took a while, kept beside the run as plain safetensors files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, TypeAlias

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from weightdesk.runs.stores import Store

FOLDER: Final = "capture"

Arrays: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True)
class Cache:
    """Keeps results in the folder `capture` of a run; a damaged file is computed again.

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
        if self.store is None:
            return make()
        name = f"{FOLDER}/{kind}-{_digest({'version': version('weightdesk'), **about})}.safetensors"
        try:
            found: Arrays = load(self.store.read(name))
        except (FileNotFoundError, SafetensorError):
            made = make()
        else:
            return found
        tensors = {key: value.detach().cpu().contiguous() for key, value in made.items()}
        self.store.write(name, lambda path: save_file(tensors, path, {"about": json.dumps(about)}))
        return made


def _digest(about: Mapping[str, Any]) -> str:
    text = json.dumps(about, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
