"""Logistic regression against scikit-learn's, for many labellings at once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from weightdesk.capture.story.regression import correct, fit


def problem(seed: int, examples: int = 120, features: int = 6, classes: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(examples, features, generator=generator, dtype=torch.float64)
    truth = torch.randn(features, classes, generator=generator, dtype=torch.float64)
    noise = torch.randn(examples, classes, generator=generator, dtype=torch.float64)
    return inputs, (inputs @ truth + noise).argmax(1)


@pytest.mark.parametrize("l2", [1e-2, 0.3])
def test_weights_are_scikit_learns(l2: float) -> None:
    inputs, labels = problem(0)
    ours = fit(inputs, labels[None], 3, l2=l2, steps=5000, tolerance=1e-9)[0]
    theirs = LogisticRegression(C=1 / (l2 * len(inputs)), tol=1e-10, max_iter=5000).fit(inputs, labels)
    assert torch.allclose(ours[:-1].T, torch.from_numpy(theirs.coef_), atol=1e-5)
    bias = ours[-1] - ours[-1].mean()
    assert torch.allclose(bias, torch.from_numpy(theirs.intercept_ - theirs.intercept_.mean()), atol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 8))
def test_where_it_ends_the_gradient_is_small(seed: int, features: int) -> None:
    inputs, labels = problem(seed, features=features)
    weights = fit(inputs, labels[None], 3, steps=2000)[0].requires_grad_(True)
    scores = inputs @ weights[:-1] + weights[-1]
    loss = torch.nn.functional.cross_entropy(scores, labels) + 1e-2 / 2 * (weights[:-1] ** 2).sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 5e-3


def test_many_labellings_give_what_each_gives_alone() -> None:
    inputs, labels = problem(1)
    other = labels.flip(0)
    both = fit(inputs, torch.stack([labels, other]), 3, steps=3000, tolerance=1e-8)
    for place, one in enumerate((labels, other)):
        alone = fit(inputs, one[None], 3, steps=3000, tolerance=1e-8)[0]
        assert torch.allclose(both[place], alone, atol=1e-5)
        assert torch.equal(correct(both, inputs, one)[place], correct(alone[None], inputs, one)[0])
    assert torch.equal(both, fit(inputs, torch.stack([labels, other]), 3, steps=3000, tolerance=1e-8))
