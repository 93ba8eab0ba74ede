"""Which recorded step is meant."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Sequence
from typing import SupportsIndex

from weightdesk.errors import StepNotKeptError


def choose_step(step: SupportsIndex, kept: Sequence[int], what: str) -> int:
    """The kept step that is asked for; negative ones count from the last, as in a list.

    Args:
        step: a step, or -1 for the last kept one, -2 for the one before …
        kept: the kept steps in ascending order.
        what: what is kept at these steps, for the message.

    Raises:
        StepNotKeptError: it is not among them; the message names the nearest ones.

    >>> choose_step(-1, (0, 1, 2, 4), "snapshot")
    4
    >>> choose_step(3, (0, 1, 2, 4), "snapshot")
    Traceback (most recent call last):
    ...
    weightdesk.errors.StepNotKeptError: no snapshot at step 3; nearest kept: 2 and 4
    """
    wanted = operator.index(step)
    if not kept:
        raise StepNotKeptError(f"no {what} at step {wanted}; the run keeps none at any step")
    if -len(kept) <= wanted < 0:
        return kept[wanted]
    if wanted < 0:
        raise StepNotKeptError(
            f"no {what} at step {wanted}; {len(kept)} are kept, so -{len(kept)} is the first"
        )
    place = bisect_left(kept, wanted)
    if place < len(kept) and kept[place] == wanted:
        return wanted
    near = " and ".join(str(each) for each in kept[max(0, place - 1) : place + 1])
    raise StepNotKeptError(f"no {what} at step {wanted}; nearest kept: {near}")
