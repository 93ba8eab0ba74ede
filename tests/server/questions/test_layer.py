from __future__ import annotations

import numpy as np
import pytest

from weightdesk.errors import UnknownParameterError
from weightdesk.runs import Run
from weightdesk.server.questions.layer import LayerQuestion
from weightdesk.server.session import Session


@pytest.mark.parametrize("name", ["hidden1.weight", "output.bias"])
def test_statistics_are_those_of_the_run(digits_run: Run, digits_session: Session, name: str) -> None:
    found = LayerQuestion(parameter=name).answer(digits_session)
    assert [(each.kind, each.column) for each in found.series] == [
        ("weight", "mean"), ("weight", "std"), ("weight", "rms"), ("weight", "abs_max"),
        ("gradient", "rms"), ("update", "rms"), ("update", "update_ratio"),
    ]  # fmt: skip
    for each in found.series:
        expected = digits_run.series(name, each.kind, each.column)
        assert each.steps.tolist() == expected.steps.tolist()
        assert len(each.steps)
        np.testing.assert_array_equal(each.values, expected.values)


def test_they_are_of_the_recorded_weights(digits_run: Run, digits_session: Session) -> None:
    found = LayerQuestion(parameter="hidden1.weight").answer(digits_session)
    series = {(each.kind, each.column): each for each in found.series}
    for kind, column, read in (
        ("weight", "abs_max", digits_run.weights),
        ("gradient", "rms", digits_run.gradient),
        ("update", "rms", digits_run.update),
    ):
        known = dict(zip(series[kind, column].steps.tolist(), series[kind, column].values, strict=True))
        step = max(known.keys() & set(digits_run.gradient_steps))
        values = read("hidden1.weight", step).double()
        expected = values.abs().max() if column == "abs_max" else values.square().mean().sqrt()
        assert known[step] == pytest.approx(expected.item(), rel=1e-6)


def test_it_may_go_on() -> None:
    assert not LayerQuestion.settled


def test_what_is_no_parameter_is_refused(digits_session: Session) -> None:
    with pytest.raises(UnknownParameterError):
        LayerQuestion(parameter="hidden9.weight").answer(digits_session)
