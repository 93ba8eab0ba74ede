from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.explain.updates.regularisation import regularisation_terms
from weightdesk.training.optimizers import make_optimizer
from weightdesk.training.regularisers import regularise


@given(
    name=st.sampled_from(["sgd", "momentum", "rmsprop", "adam"]),
    l1=st.sampled_from([0.0, 0.01, 10.0]),
    largest=st.sampled_from([None, 0.3]),
    decay=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 1000),
)
def test_the_terms_are_what_the_training_does(
    name: str, l1: float, largest: float | None, decay: float, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = nn.Linear(4, 1, bias=False).double()
    optimizer = make_optimizer(name, layer, lr=0.1)
    seen: list[torch.Tensor] = []
    optimizer.register_step_post_hook(lambda *_: seen.append(layer.weight.detach().clone()))
    regularise(optimizer, l1=l1, max_norm=largest, weight_decay=decay)
    for _ in range(3):
        layer.weight.grad = torch.randn(1, 4, dtype=torch.float64)
        optimizer.step()
        state = {key: each for key, each in optimizer.state[layer.weight].items() if each is not None}
        state = {key: each.flatten() if each.dim() else each for key, each in state.items()}
        recipe = {"l1": l1, "max_norm": largest, "weight_decay": decay}
        terms = regularisation_terms(recipe, optimizer.param_groups[0], state, seen[-1].flatten())
        moved = seen[-1].flatten() + sum(term.value for term in terms)
        torch.testing.assert_close(moved, layer.weight.detach().flatten(), rtol=1e-12, atol=1e-15)


def test_nothing_is_regularised_without_a_recipe() -> None:
    assert regularisation_terms({}, {"lr": 0.1}, {}, torch.ones(3).double()) == []


def test_a_decay_that_the_optimizer_does_itself_is_not_done_again() -> None:
    options = {"lr": 0.1, "weight_decay": 0.5}
    assert regularisation_terms({"weight_decay": 0.5}, options, {}, torch.ones(3).double()) == []


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_learning_rate_of_zero_thresholds_nothing(weight: float) -> None:
    (term,) = regularisation_terms({"l1": 0.1}, {"lr": 0.0}, {}, torch.tensor([weight]).double())
    assert term.value.item() == 0
