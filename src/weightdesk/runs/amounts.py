"""Amounts of memory and disk as people write them."""

from __future__ import annotations

import re
from typing import Final

from weightdesk.errors import OptionError

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_MOST: Final = 2**63 - 1024  # bytes that a signed 64-bit number counts, and a float holds exactly


def parse_bytes(amount: int | str, option: str) -> int:
    """A number of bytes, or its text with a decimal unit.

    Arguments:
        amount: what was given.
        option: for what, to be named in the error.

    Raises:
        OptionError: it is neither, negative, or more than any disk holds.

    >>> parse_bytes("1.5GB", "disk"), parse_bytes(0, "memory")
    (1500000000, 0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", str(amount), re.IGNORECASE)
    if not isinstance(amount, (int, str)) or isinstance(amount, bool) or found is None:
        raise OptionError(f'{option} is a number of bytes or a text such as "2GB", got {amount!r}')
    size = float(found[1]) * _UNITS[found[2].upper()]
    if size > _MOST:
        raise OptionError(f"{option} is at most {_MOST / 1e18:.1f} million TB, got {str(amount)[:60]!r}")
    return int(size)
