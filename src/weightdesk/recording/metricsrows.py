"""Scalars that the user logs, gathered to one row a step."""

from __future__ import annotations

import time
from collections import deque

from torch import Tensor

from weightdesk.recording.tables import MetricsRow
from weightdesk.types import Step


class MetricsRows:
    """Takes what is logged at the present step from any thread, and gathers it when the writing thread asks.

    >>> metrics = MetricsRows()
    >>> for step, values in (3, {"loss": 0.5}), (3, {"accuracy": 1.0}), (4, {"loss": 0.4}):
    ...     metrics.log(step, metrics.began, values)
    >>> metrics.take()
    [MetricsRow(step=3, time=0.0, values={'loss': 0.5, 'accuracy': 1.0})]
    >>> metrics.take(all_of_it=True)
    [MetricsRow(step=4, time=0.0, values={'loss': 0.4})]

    Attributes:
        began: moment from which the times of the rows count, by `time.perf_counter`.
    """

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._logged: deque[tuple[Step, float, dict[str, float | Tensor]]] = deque()

    def log(self, step: Step, moment: float, values: dict[str, float | Tensor]) -> None:
        """Add scalars to the row of a step, which does not come before that of the last call.

        It takes no lock: straight after a step, when the caches hold something else, one costs 5 µs.
        """
        self._logged.append((step, moment, values))

    def take(self, *, all_of_it: bool = False) -> list[MetricsRow]:
        """Hand over the rows: but for the last one, to which more may come, unless all are wanted."""
        rows: list[MetricsRow] = []
        logged = [self._logged.popleft() for _ in range(len(self._logged))]
        if logged and not all_of_it:
            last = logged[-1][0]
            while logged and logged[-1][0] == last:
                self._logged.appendleft(logged.pop())
        for step, moment, values in logged:
            if rows and rows[-1].step == step:
                rows[-1].values.update(values)
            else:
                rows.append(MetricsRow(step, moment - self.began, values))
        return rows
