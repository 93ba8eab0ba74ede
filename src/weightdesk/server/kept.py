"""Results that take a while, kept for the next question about the same."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, Final

_EACH: Final = 2  # of a kind: what is looked at and what was before it


class Kept:
    """The last few results of each kind.

    >>> kept = Kept()
    >>> kept.get("square", 3, lambda: 9), kept.get("square", 3, lambda: 10)
    (9, 9)
    """

    def __init__(self) -> None:
        self._found: dict[str, OrderedDict[Hashable, Any]] = defaultdict(OrderedDict)
        self._making: dict[str, RLock] = defaultdict(RLock)
        self._lock = RLock()

    def get(self, kind: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result for a key, made once, however many ask for it at the same time."""
        with self._lock:
            making, found = self._making[kind], self._found[kind]
        with making:
            if key not in found:
                while len(found) >= _EACH:  # before, so that not one more than wanted is in memory
                    found.popitem(last=False)
                found[key] = make()
            found.move_to_end(key)
            return found[key]
