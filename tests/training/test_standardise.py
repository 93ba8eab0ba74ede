from __future__ import annotations

import json

import numpy as np
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from weightdesk.training.data import Source, load
from weightdesk.training.preparation import prepare
from weightdesk.training.recipe import Recipe
from weightdesk.training.standardise import Standardisation, fit


def test_it_agrees_with_scikit_learn():
    inputs = load(Source(kind="breast-cancer")).inputs
    expected = StandardScaler().fit_transform(inputs.double().numpy())
    np.testing.assert_allclose(fit(inputs).apply(inputs), expected, atol=1e-5)


@given(arrays(np.float32, (7, 3), elements=st.floats(-100, 100, width=32)))
@example(np.eye(7, 3, dtype=np.float32) * np.float32(1e-45))
def test_result_is_finite_and_can_be_reverted(values):
    inputs = torch.from_numpy(values)
    scale = fit(inputs)
    scaled = scale.apply(inputs)
    assert scaled.isfinite().all()
    torch.testing.assert_close(scale.revert(scaled), inputs, atol=1e-3, rtol=1e-4)
    assert Standardisation.from_dict(json.loads(json.dumps(scale.to_dict()))) == scale


def test_a_constant_feature_becomes_zero():
    values = torch.full((1000, 1), 0.1)
    assert fit(values).scale == (1.0,)
    assert fit(values).apply(values).abs().max() < 1e-7


def test_pictures_are_scaled_by_channel():
    pictures = torch.rand(50, 3, 4, 4) * torch.tensor([1.0, 5.0, 9.0]).reshape(3, 1, 1)
    scaled = fit(pictures).apply(pictures)
    torch.testing.assert_close(scaled.std(dim=(0, 2, 3), correction=0), torch.ones(3))


def test_only_the_training_part_is_measured():
    prepared = prepare(Recipe.create("diabetes"))
    inputs, targets = prepared.parts["train"].inputs, prepared.parts["train"].targets
    torch.testing.assert_close(inputs.mean(dim=0), torch.zeros(10), atol=1e-5, rtol=0)
    torch.testing.assert_close(targets.std(dim=0, correction=0), torch.ones(1))
    assert prepared.parts["test"].inputs.mean(dim=0).abs().max() > 0.01
    assert len(prepared.stored["standardisation"]["inputs"]["mean"]) == 10
    assert set(prepared.stored["standardisation"]) == {"inputs", "targets"}
