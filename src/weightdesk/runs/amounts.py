"""Amounts of memory and disk as people write them."""

from __future__ import annotations

import re
from typing import Final

from weightdesk.errors import OptionError

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse_bytes(amount: int | str, option: str) -> int:
    """A number of bytes, or its text with a decimal unit.

    Arguments:
        amount: what was given.
        option: for what, to be named in the error.

    Raises:
        OptionError: it is neither, or negative.

    >>> parse_bytes("1.5GB", "disk"), parse_bytes(0, "memory")
    (1500000000, 0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", str(amount), re.IGNORECASE)
    if not isinstance(amount, (int, str)) or isinstance(amount, bool) or found is None:
        raise OptionError(f'{option} is a number of bytes or a text such as "2GB", got {amount!r}')
    return int(float(found[1]) * _UNITS[found[2].upper()])
