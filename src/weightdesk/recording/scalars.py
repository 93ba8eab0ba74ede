"""What `Recording.log` takes: numbers, under names that the table of metrics can hold."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from torch import Tensor

from weightdesk.recording.endings import one_line, printable, shortened
from weightdesk.recording.gradients import local
from weightdesk.recording.warning import warn
from weightdesk.runs.format import METRICS_COLUMNS

MOST_NAMES: Final = 1000
"""Scalars of one run: each is a column, whose entry in the footer of every part takes about 200 bytes, so
that a flush of a second writes 0.2 MB. A loop that puts the step into the name would never end."""
LONGEST_NAME: Final = 256
"""Characters of a name; of longer ones the beginning is kept, and a checksum that tells them apart."""
_SHOWN: Final = 60
"""Characters of a value in a warning."""

_RESERVED: Final = frozenset(name for name, _ in METRICS_COLUMNS)


class ScalarColumns:
    """Turns logged scalars into columns of the table of metrics, and says once a name what it leaves out.

    A name that the table uses itself, `step` or `time`, is kept as `logged_step` or `logged_time`; if two
    names would come to the same column, the later one gets a number behind it.

    Attributes:
        notes: what was left out, one line a name, for `run.json`.

    >>> columns = ScalarColumns()
    >>> columns.take({"step": 3, "loss": 0.5}), columns.take({"logged_step": 4})
    ({'logged_step': 3.0, 'loss': 0.5}, {'logged_step_2': 4.0})
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._columns: dict[str, str] = {}  # by the names that were logged
        self._used: set[str] = set(_RESERVED)
        self._left_out: set[str] = set()
        self._is_full = False
        self._lock = threading.RLock()  # names that come from several threads; a signal may log, too

    def take(self, scalars: Mapping[str, object]) -> dict[str, float | Tensor]:
        """The scalars that can be kept, by column."""
        taken: dict[str, float | Tensor] = {}
        for name, value in scalars.items():
            plain = value
            try:
                if type(value) is Tensor and value.is_cpu and not value.dim():
                    plain = value.tolist()  # a loss, at every step: `item` takes 3 µs longer
                number = plain if type(plain) is float else as_scalar(plain)
            except Exception:  # whatever somebody else's type does when it is asked for a number
                number = None
            if number is None:
                self._leave_out(name, value)
                continue
            column = self._columns.get(name)
            if column is None:
                column = self._new_column(name)
            if column is not None:
                taken[column] = number
        return taken

    def _new_column(self, name: str) -> str | None:
        with self._lock:
            return self._columns.get(name) or self._make_column(name)

    def _make_column(self, name: str) -> str | None:
        if len(self._columns) >= MOST_NAMES:
            if not self._is_full:
                self._is_full = True
                self._say(f"{_shown(name)} and further names: a run has {MOST_NAMES} scalars at most")
            return None
        text = printable(name)
        if len(text) > LONGEST_NAME:
            text = f"{text[: LONGEST_NAME - 9]}…{zlib.crc32(text.encode()):08x}"
        if text in _RESERVED:
            text = f"logged_{text}"
        column, number = text, 1
        while column in self._used:
            number += 1
            column = f"{text}_{number}"
        self._used.add(column)
        self._columns[name] = column
        return column

    def _leave_out(self, name: str, value: object) -> None:
        if name in self._left_out or len(self._left_out) >= MOST_NAMES:
            return
        self._left_out.add(name)
        self._say(f"{_shown(name)}={_described(value)}: log takes numbers and tensors of one element")

    def _say(self, what: str) -> None:
        self.notes.append(f"log left out {what}")
        warn(f"weightdesk leaves out {what}")


def as_scalar(value: object) -> float | Tensor | None:
    """A number as a float; a tensor of an accelerator as a copy that is read later; None if it is neither.

    What is asked for its number may raise whatever it likes.

    >>> as_scalar(np.float32(1.5)), as_scalar(True), as_scalar("text"), as_scalar(1j)
    (1.5, 1.0, None, None)
    """
    if isinstance(value, Tensor):
        return _of_tensor(value)
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, np.ndarray):
        return as_scalar(value.reshape(-1)[0]) if value.size == 1 else None
    if isinstance(value, np.generic) and not isinstance(value, (np.number, np.bool_)):
        return None  # text, bytes, moments, which numpy would turn into numbers, too
    if isinstance(value, (complex, np.complexfloating)) or not hasattr(type(value), "__float__"):
        return None
    number = float(value)  # type: ignore[arg-type]
    return None if math.isinf(number) and number != value else number  # a Decimal of 1e400 is not infinite


def _of_tensor(tensor: Tensor) -> float | Tensor | None:
    if tensor.is_meta or tensor.numel() != 1 or tensor.is_complex():
        return None
    placements = getattr(tensor, "placements", ())  # of a DTensor: what is not whole here waits for others
    if not all(placement.is_replicate() for placement in placements):
        return None
    tensor = local(tensor)
    return float(tensor.item()) if tensor.is_cpu else tensor.clone()


def _shown(name: str) -> str:
    return shortened(printable(name), _SHOWN)


def _described(value: object) -> str:
    """A value as a warning shows it; a tensor is not printed, which would wait for its device."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    try:
        return shortened(one_line(repr(value)), _SHOWN)
    except Exception:  # an object whose __repr__ is broken
        return f"<{type(value).__name__}>"
