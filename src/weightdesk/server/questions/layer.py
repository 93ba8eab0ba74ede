"""A parameter over the whole training: its spread, and how it was moved."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.statistics import COLUMNS, Recorded
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


class LayerQuestion(Question[LayerStatistics]):
    """How did this parameter grow, and how large were its gradients and updates?"""

    kind: ClassVar[str] = "layer"
    settled: ClassVar[bool] = False

    parameter: str

    def answer(self, session: Session) -> LayerStatistics:
        """What `Run.series` gives, number by number."""
        name = session.run.parameters[self.parameter].name
        recorded, series = Recorded(session), []
        for kind, columns in COLUMNS.items():
            rows = recorded.of(kind, name)
            series += [
                StatisticSeries(kind=kind, column=column, steps=rows.steps, values=rows.columns[column])
                for column in columns
            ]
        return LayerStatistics(series=tuple(series))
