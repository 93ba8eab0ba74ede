"""Values that nobody expects, and wrong bits."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 3, 2**31, 2**63, -(2**63), 10**19, 10**400, 0.5, -0.5, 1e308, -0.0),
    *("", "x", "0", "weight", "²", "\ud800", "a\x1b[31mb\r\n", "\u202e", "\0", "../../etc", "x" * 5000),
    *([], [0], [-1], [[]], ["a", 1], {}, {"a": 1}, {"class": None}, [{}], [0] * 100),
    *(float("nan"), float("inf"), [float("nan")], [10**400]),
)


def change_json(content: Any, random: Random) -> Any:
    """The JSON value with one of its parts replaced, removed, doubled, renamed, or swapped with another."""
    places = list(_places(content))
    if not places:
        return _odd_value(random)
    holder, key = random.choice(places)
    action = random.randrange(6)
    if action <= 2:
        holder[key] = _odd_value(random)
    elif action == 3:
        del holder[key]
    elif action == 4 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif action == 4:
        holder[str(random.choice(ODD_VALUES))] = holder.pop(key)
    else:
        other, place = random.choice(places)
        holder[key] = copy.deepcopy(other[place])
    return content


def to_text(content: Any) -> bytes:
    """The value as JSON text, as lenient as Python writes it."""
    return json.dumps(content).encode()


def change_bytes(data: bytes, random: Random) -> bytes:
    """The bytes with some bits flipped, cut, padded or zeroed."""
    changed = bytearray(data)
    size = len(changed)
    action = random.randrange(5)
    if not size or action == 0:
        return bytes(changed[: random.randrange(size + 1)])
    if action == 1:
        return bytes(changed + random.randbytes(random.choice((1, 8, 4096))))
    if action == 2:
        start = random.randrange(size)
        stop = min(size, start + random.choice((1, 8, 64, 4096)))
        changed[start:stop] = bytes(stop - start)
        return bytes(changed)
    for _ in range(random.choice((1, 1, 2, 8))):
        # The end of a Parquet file, where its footer is, and the beginning of a safetensors file.
        near = random.choice((random.randrange(size), size - 1 - random.randrange(min(size, 2000))))
        place = random.choice((near, random.randrange(min(size, 200))))
        changed[place] ^= 1 << random.randrange(8)
    return bytes(changed)


def change_file(change: Callable[[bytes, Random], bytes]) -> Callable[[Path, Random], None]:
    """A change of bytes as one of a file."""

    def changed(path: Path, random: Random) -> None:
        path.write_bytes(change(path.read_bytes(), random))

    return changed


def _odd_value(random: Random) -> Any:
    """One of them as a copy: a later change of the same run, or of the next one, must not change it."""
    return copy.deepcopy(random.choice(ODD_VALUES))


def _places(content: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        holder = waiting.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found
