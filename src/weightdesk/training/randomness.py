"""Independent random streams drawn from one seed, without touching the caller's generator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream(seed: int, purpose: str) -> torch.Generator:
    """Return a generator of its own for one purpose, so that purposes never share random numbers.

    >>> int(torch.randint(100, (1,), generator=stream(0, "split")))
    87
    """
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator inside the block; put it back as it was at the end.

    Initialisation and dropout draw from the global generator, so both lie inside such a block.

    >>> before = torch.get_rng_state()
    >>> with seeded(0):
    ...     draw = torch.rand(())
    >>> bool((torch.get_rng_state() == before).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
