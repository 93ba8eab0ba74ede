from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from torch import nn

from weightdesk.training.objective import CHUNK, Objective, r2
from weightdesk.training.randomness import seeded, stream


def test_classification_agrees_with_scikit_learn():
    outputs = torch.randn(200, 4, generator=stream(0, "test"))
    labels = torch.arange(200) % 4
    found = Objective("classification").measure(nn.Identity(), outputs, labels)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, outputs.argmax(1)))
    assert found["loss"] == pytest.approx(log_loss(labels, outputs.double().softmax(1)), rel=1e-5)


def test_regression_agrees_with_scikit_learn_in_the_users_units():
    outputs, targets = torch.randn(2, 60, 1, generator=stream(0, "test"))
    found = Objective("regression", unit=(7.0,)).measure(nn.Identity(), outputs, targets)
    assert found["r2"] == pytest.approx(r2_score(targets, outputs), rel=1e-5)
    assert found["mae"] == pytest.approx(7 * mean_absolute_error(targets, outputs), rel=1e-5)
    assert found["loss"] == pytest.approx(float(np.mean((targets - outputs).numpy() ** 2)), rel=1e-5)


@given(st.integers(1, 20), st.integers(0, 9))
def test_r2_is_never_above_one_and_one_only_where_all_is_explained(count, seed):
    targets = torch.randn(count, 1, generator=stream(seed, "test"))
    assert float(r2(targets + 1, targets)) <= 1
    assert float(r2(targets, targets)) == (1.0 if count > 1 else 0.0)


def test_measuring_leaves_the_model_as_it_was_and_drops_nothing_out():
    model = nn.Sequential(nn.Dropout(0.9)).train()
    inputs = torch.ones(CHUNK + 5, 2)
    with seeded(0):
        found = Objective("regression").measure(model, inputs, inputs)
    assert found["loss"] == 0
    assert model.training
    assert model[0].training
