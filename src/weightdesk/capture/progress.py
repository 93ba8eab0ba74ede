"""Long work that says how far it is, and can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, from 0 to 1.

Whatever it raises stops the work and reaches the caller; what was finished before stays in the cache.
"""

T = TypeVar("T")


def silent(_what: str, _share: float) -> None:
    """Say nothing."""


def followed(items: Iterable[T], what: str, progress: Progress) -> Iterator[T]:
    """Go through items and say after each how many are done.

    >>> list(followed("ab", "letters", lambda what, share: print(what, share)))
    letters 0.0
    letters 0.5
    letters 1.0
    ['a', 'b']
    """
    known = list(items)
    progress(what, 0.0)
    for number, item in enumerate(known, start=1):
        yield item
        progress(what, number / len(known))


def part(progress: Progress, start: float, end: float) -> Progress:
    """The progress of one part of the work, as a share of the whole.

    >>> part(lambda what, share: print(share), 0.5, 1.0)("probes", 0.5)
    0.75
    """
    return lambda what, share: progress(what, start + (end - start) * share)
