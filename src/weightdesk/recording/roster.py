"""What the processes of a training tell one another when they begin to record.

It goes through the key-value store of their process group, which is no collective: a process that never
calls `watch` keeps another one waiting for a bounded time in `watch`, and nobody waits anywhere else.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as distributed
from torch import Tensor

from weightdesk import errors
from weightdesk.errors import WatchError, WeightdeskError
from weightdesk.recording.sampling import pick
from weightdesk.types import ParameterName

_INTERVAL: Final = 0.02
"""Seconds between two looks."""

_watched: Counter[str] = Counter()
"""How often this process watched a place; the same in all processes that call `watch` together."""


@dataclass(frozen=True)
class Entry:
    """What a process says of itself.

    Attributes:
        shapes: of the parameters that it holds, or holds a part of, by name.
        digest: of some of their values; 0 if they are cut up among processes.
        problem: why it cannot record.
    """

    shapes: Mapping[ParameterName, list[int]] = field(default_factory=dict)
    digest: int = 0
    problem: Exception | None = None


class Roster:
    """The entries of all processes that watch the same place for the n-th time.

    Arguments:
        location: of the run.
        number: of this process.
    """

    def __init__(self, location: str, number: int) -> None:
        self._key, self._number = f"weightdesk/{location}/{_watched[location]}", number
        _watched[location] += 1
        self._store: Any = distributed.distributed_c10d._get_default_store()
        if self._store is None:
            raise WatchError(
                "the process group has no key-value store, by which the processes agree on a recording; "
                "make it with init_process_group and a backend such as gloo or nccl"
            )

    def enter(self, entry: Entry) -> None:
        """Say what this process holds."""
        problem = entry.problem and [type(entry.problem).__name__, str(entry.problem)]
        text = json.dumps({"shapes": dict(entry.shapes), "digest": entry.digest, "problem": problem})
        self._store.set(f"{self._key}/{self._number}", text)

    def entry(self, number: int) -> Entry | None:
        """What another process said; None if it said nothing so far. Does not wait."""
        key = f"{self._key}/{number}"
        if not self._store.check([key]):
            return None
        told = json.loads(self._store.get(key))
        problem = told["problem"] and _error(*told["problem"])
        return Entry(told["shapes"], told["digest"], problem)

    def wait_for_first(self, patience: float) -> Entry | None:
        """What process 0 said, waiting for it for some seconds at most."""
        deadline = time.monotonic() + patience
        while (entry := self.entry(0)) is None and time.monotonic() < deadline:
            time.sleep(_INTERVAL)
        return entry


def _error(name: str, message: str) -> WeightdeskError:
    """An error of another process; one that is not weightdesk's own is told by its name."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, WeightdeskError):
        return kind(message)
    return WatchError(f"process 0 cannot record: {name}: {message}")


def digest_of(
    parameters: Mapping[ParameterName, Tensor], places: Mapping[ParameterName, npt.NDArray[np.int64]]
) -> int:
    """A number that two models share if they agree in their sampled weights.

    >>> places = {"w": np.array([1])}
    >>> one, other = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 2.0])
    >>> digest_of({"w": one}, places) == digest_of({"w": other}, places)
    True
    """
    digest = 0
    for name, chosen in places.items():
        values = pick(parameters[name].detach(), torch.from_numpy(chosen)).cpu().numpy()
        digest = zlib.crc32(values.tobytes(), zlib.crc32(name.encode(), digest))
    return digest
