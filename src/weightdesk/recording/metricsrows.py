"""Scalars that the user logs, gathered to one row a step."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor

from weightdesk.recording.tables import MetricsRow
from weightdesk.types import Step


class MetricsRows:
    """Gathers what is logged at the present step, and hands the row over once another step has begun.

    Arguments:
        emit: takes a row that is complete.

    >>> rows = []
    >>> metrics = MetricsRows(rows.append)
    >>> metrics.log(3, {"loss": 0.5}); metrics.log(3, {"accuracy": 1.0}); metrics.close()
    >>> [(row.step, row.values) for row in rows]
    [(3, {'loss': 0.5, 'accuracy': 1.0})]
    """

    def __init__(self, emit: Callable[[MetricsRow], None]) -> None:
        self._emit = emit
        self._row = MetricsRow(0, 0.0, {})
        self._began = time.perf_counter()

    def log(self, step: Step, values: dict[str, float | Tensor]) -> None:
        """Add scalars to the row of a step."""
        if self._row.step == step:
            self._row.values.update(values)
        else:
            if self._row.values:
                self._emit(self._row)
            self._row = MetricsRow(step, time.perf_counter() - self._began, values)

    def close(self) -> None:
        """Hand over the row, if it has anything."""
        if self._row.values:
            self._emit(self._row)
            self._row = MetricsRow(self._row.step, 0.0, {})
