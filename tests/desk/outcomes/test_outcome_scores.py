"""Scores against scikit-learn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from weightdesk.desk.outcomes.scores import class_accuracy, confusion_matrix, distances, explained, right

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50)


@given(LABELS)
def test_accuracy_and_confusions_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truths, predictions = torch.tensor(pairs).T
    hits, counted = right(predictions, truths)
    assert (hits.sum() / counted.sum()).item() == pytest.approx(metrics.accuracy_score(truths, predictions))
    matrix = confusion_matrix(predictions, truths, 4)
    assert matrix.tolist() == metrics.confusion_matrix(truths, predictions, labels=range(4)).tolist()
    known = matrix.sum(1) > 0
    expected = (matrix.diagonal().double() / matrix.sum(1))[known]
    found = class_accuracy(predictions, truths, 4)
    assert torch.equal(found[known], expected)
    assert found[~known].isnan().all()


def test_what_is_no_number_is_wrong_and_in_no_column() -> None:
    truths, predictions = torch.tensor([0, 1, 1, -1]), torch.tensor([-1, 1, -1, 0])
    hits, counted = right(predictions, truths)
    assert (hits.sum().item(), counted.sum().item()) == (1, 3)
    assert confusion_matrix(predictions, truths, 2).tolist() == [[0, 0], [0, 1]]
    assert class_accuracy(predictions, truths, 2).tolist() == [0, 0.5]


@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 100))
def test_r2_and_distance_are_those_of_scikit_learn(count: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets, outputs = torch.randn(2, count, width, generator=generator, dtype=torch.float64)
    amounts, weights = explained(outputs - targets, targets, targets.mean(0))
    expected = metrics.r2_score(targets, outputs, multioutput="variance_weighted")
    assert (amounts.sum() / weights.sum()).item() == pytest.approx(expected)
    sums, counts = distances(outputs - targets)
    assert (sums.sum() / counts.sum()).item() == pytest.approx(metrics.mean_absolute_error(targets, outputs))
