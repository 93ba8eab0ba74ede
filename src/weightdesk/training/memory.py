"""How much memory there is: what needs more is refused before it is read or made."""

from __future__ import annotations

import os

from weightdesk.errors import DataError


def physical_memory() -> int | None:
    """Bytes of memory of this machine; None if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def refuse_larger_data(what: object, size: int) -> None:
    """See that memory holds data before they are unpacked: a small file may stand for very many.

    Arguments:
        what: the file, for the message.
        size: bytes that the data need at least.

    Raises:
        DataError: that is more than the machine has.

    >>> refuse_larger_data("a.npz", 1000)
    """
    memory = physical_memory()
    if memory is not None and size > memory:
        raise DataError(
            f"{what} unpacks to {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB of memory; "
            "train on fewer or smaller examples"
        )
