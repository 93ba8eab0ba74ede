"""A parameter over the whole training: its spread, and how it was moved."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Integers, Message


class StatisticSeries(Message):
    """One statistic at every step where it was taken."""

    kind: str
    column: str
    steps: Integers
    values: Doubles


class LayerStatistics(Message):
    """Some statistics of a parameter."""

    series: tuple[StatisticSeries, ...]


_WANTED = (
    ("weight", "mean"), ("weight", "std"), ("weight", "rms"), ("weight", "abs_max"),
    ("gradient", "rms"), ("update", "rms"), ("update", "update_ratio"),
)  # fmt: skip


class LayerQuestion(Question[LayerStatistics]):
    """How did this parameter grow, and how large were its gradients and updates?"""

    kind: ClassVar[str] = "layer"
    settled: ClassVar[bool] = False

    parameter: str

    def answer(self, session: Session) -> LayerStatistics:
        """Read single columns of the statistics."""
        series = []
        for kind, column in _WANTED:
            found = session.run.series(self.parameter, kind, column)
            series.append(StatisticSeries(kind=kind, column=column, steps=found.steps, values=found.values))
        return LayerStatistics(series=tuple(series))
