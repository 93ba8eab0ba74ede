"""JSON text of a run's files, which anybody may have written."""

from __future__ import annotations

import math
from typing import Any, Final

from pydantic_core import from_json

MAX_BYTES: Final = 64 << 20
"""Size of a JSON text. The `run.json` of 40,000 parameters, each with 16 sampled weights, has 35 MB."""

MAX_VALUES: Final = 2_000_000
"""Values in a JSON text. Size alone is no bound: an empty list takes 3 bytes of text and 72 of memory."""

_LOW, _HIGH = -(1 << 63), 1 << 64  # integers that Parquet and other languages hold, unsigned seeds included


def parse_json(text: bytes) -> Any:
    """Parse a JSON text of bounded size, depth and numbers.

    Everything in it can be written as JSON again: no NaN, no infinity, no half of a surrogate pair.

    Raises:
        ValueError: it is no JSON text, or is out of bounds; the message says where and how.

    >>> parse_json(b'{"lr": 0.5, "steps": [0, 8]}')
    {'lr': 0.5, 'steps': [0, 8]}
    >>> parse_json(b"[1e999]")
    Traceback (most recent call last):
    ...
    ValueError: a number is too large
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"{len(text):,} bytes of JSON are more than the {MAX_BYTES:,} that are read")
    # Counts separators inside texts, too, which only makes the bound a little stricter.
    if sum(map(text.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"it has more than the {MAX_VALUES:,} values that are read")
    content = from_json(text, allow_inf_nan=False)  # ends at a depth of 200, where json overflows the stack
    _check_numbers(content)
    return content


def _check_numbers(content: Any) -> None:
    waiting = [content]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is dict:
            waiting.extend(value.values())
        elif kind is list:
            waiting.extend(value)
        elif (kind is int and not _LOW <= value < _HIGH) or (kind is float and not math.isfinite(value)):
            raise ValueError("a number is too large")  # 1e999 is valid JSON, and infinite in Python
