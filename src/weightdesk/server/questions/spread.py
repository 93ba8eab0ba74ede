"""How the weights of a parameter were distributed, step by step."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from weightdesk.runs.rows import histogram_entries, sort_rows
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.statistics import evenly, statistics
from weightdesk.server.wire import Integers, Message

POINTS: Final = 96
"""Steps at most, spread evenly over those that were recorded."""
_COLUMNS: Final = ("step", "zeros", "histogram_bin", "histogram_count")


class Spread(Message):
    """Counts of weights: a row a step, a column a bin.

    `bins` are codes as `weightdesk.statistics.histogram` explains them, ascending; 0 is of exact zeros.
    """

    steps: Integers
    bins: Integers
    counts: Integers


class SpreadQuestion(Question[Spread]):
    """How did the distribution of these weights change?"""

    kind: ClassVar[str] = "spread"
    settled: ClassVar[bool] = False

    parameter: str

    def answer(self, session: Session) -> Spread:
        """Read the recorded histograms; their bins are the same at every step, so nothing is estimated."""
        name = session.run.parameters[self.parameter].name
        rows = sort_rows(statistics(session, _COLUMNS, kind="weight", parameter=name), ("step",))
        places = evenly(rows.num_rows, POINTS)
        rows = rows.take(places)
        owners, codes, counts = _flat(rows)
        bins, columns = np.unique(codes, return_inverse=True)
        table = np.zeros((rows.num_rows, len(bins)), np.int64)
        np.add.at(table, (owners, columns), counts)
        return Spread(steps=rows.column("step").to_numpy(), bins=bins, counts=table)


def _flat(rows: pa.Table) -> tuple[Any, Any, Any]:
    """Row, bin and count of everything that was counted; the zeros lie in a bin of their own."""
    every = np.arange(rows.num_rows)
    owners, bins, counts = histogram_entries(rows)
    return (
        np.concatenate([owners, every]),
        np.concatenate([bins, np.zeros(len(every), np.int64)]),
        np.concatenate([counts, rows.column("zeros").to_numpy()]),
    )
