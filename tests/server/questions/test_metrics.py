from __future__ import annotations

from weightdesk.runs import Run
from weightdesk.server.questions.metrics import MetricsQuestion
from weightdesk.server.session import Session


def test_they_are_those_of_the_run(digits_run: Run, digits_session: Session) -> None:
    table = digits_run.metrics
    series = {each.name: each for each in MetricsQuestion().answer(digits_session).series}
    assert set(series) == set(table.column_names) - {"step", "time"}
    for name, each in series.items():
        rows = [(row["step"], row[name]) for row in table.to_pylist() if row[name] is not None]
        assert list(zip(each.steps.tolist(), each.values.tolist(), strict=True)) == rows
