from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from measured_run import STEPS, measured_run

from weightdesk.errors import UnknownParameterError
from weightdesk.server.questions import spread
from weightdesk.server.questions.spread import SpreadQuestion, _flat
from weightdesk.server.session import Session
from weightdesk.statistics.histogram import bin_of


@pytest.mark.parametrize("name", ["hidden1.weight", "output.bias"])
def test_counts_are_of_the_weights_themselves(name: str) -> None:
    run = measured_run()
    found = SpreadQuestion(parameter=name).answer(Session(run))
    assert len(found.steps) == STEPS
    assert found.counts.shape == (len(found.steps), len(found.bins))
    assert (np.diff(found.bins) > 0).all()
    for step, row in zip(found.steps.tolist(), found.counts, strict=True):
        weights = run.weights(name, step).double().flatten().numpy()
        codes = np.where(weights == 0, 0, bin_of(weights))
        expected = [int((codes == code).sum()) for code in found.bins]
        np.testing.assert_array_equal(row, expected)


def test_long_trainings_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "POINTS", 3)
    found = SpreadQuestion(parameter="hidden1.weight").answer(Session(measured_run()))
    assert found.steps.tolist() == [0, 4, STEPS - 1]


def test_what_is_no_parameter_is_refused() -> None:
    with pytest.raises(UnknownParameterError):
        SpreadQuestion(parameter="hidden9.weight").answer(Session(measured_run()))


def test_a_row_without_a_histogram_counts_its_zeros_alone() -> None:
    kind = pa.list_(pa.int64())
    rows = pa.table(
        {
            "histogram_bin": pa.array([[3, 5], None], kind),
            "histogram_count": pa.array([[1, 2], None], kind),
            "zeros": pa.array([0, 4], pa.int64()),
        }
    )
    owners, bins, counts = _flat(rows)
    assert owners.tolist() == [0, 0, 0, 1]
    assert bins.tolist() == [3, 5, 0, 0]
    assert counts.tolist() == [1, 2, 0, 4]
