"""The scalars that the training logged."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Integers, Message


class MetricSeries(Message):
    """One logged scalar, at the steps at which it was logged."""

    name: str
    steps: Integers
    values: Doubles


class Metrics(Message):
    """All logged scalars."""

    series: tuple[MetricSeries, ...]


class MetricsQuestion(Question[Metrics]):
    """What did the training log?"""

    kind: ClassVar[str] = "metrics"
    settled: ClassVar[bool] = False

    def answer(self, session: Session) -> Metrics:
        """Read them afresh: a living run grows."""
        table = session.run.metrics
        steps = table.column("step").to_numpy()
        series = []
        for name in table.column_names[2:]:
            column = table.column(name)
            known = np.asarray(column.is_valid())
            values = column.drop_null().to_numpy()
            series.append(MetricSeries(name=name, steps=steps[known], values=values))
        return Metrics(series=tuple(series))
