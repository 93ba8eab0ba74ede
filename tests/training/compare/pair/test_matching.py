"""Aligning units: a network whose units changed places is found to be the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.training.compare.pair.matching import Chain, chain_of, distances, match, reordered


def mlp(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 3))


def cnn(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    )


def table(model: nn.Module) -> dict[str, Any]:
    """The model as a run's manifest has it."""
    return {
        "modules": [{"name": name, "class": type(each).__name__} for name, each in model.named_modules()],
        "parameters": [{"name": name, "shape": list(each.shape)} for name, each in model.named_parameters()],
    }


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach() for name, each in model.named_parameters()}


def shuffled(chain: Chain, found: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    orders = {
        name: torch.randperm(len(found[f"{name}.weight"]), generator=generator) for name in chain.layers[:-1]
    }
    return reordered(chain, found, orders)


@pytest.mark.parametrize(("make", "inputs"), [(mlp, torch.randn(7, 6)), (cnn, torch.randn(7, 2, 6, 6))])
def test_reordering_changes_nothing_of_what_the_network_does(make: Any, inputs: Tensor) -> None:
    model, other = make(0), make(1)
    chain = chain_of(table(model))
    assert chain is not None
    moved = shuffled(chain, parameters(model), 5)
    assert not torch.equal(moved["0.weight"], model[0].weight)
    other.load_state_dict(moved)
    torch.testing.assert_close(other(inputs), model(inputs))


@given(st.integers(0, 50))
def test_units_that_changed_places_are_found_again(seed: int) -> None:
    for make in (mlp, cnn):
        found = parameters(make(seed))
        chain = chain_of(table(make(seed)))
        assert chain is not None
        moved = shuffled(chain, found, seed)
        back = reordered(chain, moved, match(chain, found, moved))
        assert distances(found, back, list(found)) == dict.fromkeys(found, 0.0)


@given(st.integers(0, 50))
def test_alignment_never_takes_weights_further_apart_in_all(seed: int) -> None:
    first, second = parameters(mlp(seed)), parameters(mlp(seed + 1000))
    chain = Chain(("0", "2", "4"))
    moved = reordered(chain, second, match(chain, first, second))

    def apart(other: dict[str, Tensor]) -> float:
        return sum(float((first[name] - other[name]).square().sum()) for name in first)

    assert apart(moved) <= apart(second) + 1e-4


def test_weights_of_unrelated_networks_are_root_two_apart() -> None:
    first, second = {"w": torch.randn(300, 300)}, {"w": torch.randn(300, 300)}
    assert distances(first, second, ["w"])["w"] == pytest.approx(2**0.5, rel=0.02)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)),
        nn.ModuleList([nn.Linear(3, 3)]),
        nn.Sequential(nn.Linear(3, 4), nn.Linear(3, 2)),
    ],
)
def test_what_is_no_plain_row_is_not_aligned(model: nn.Module) -> None:
    assert chain_of(table(model)) is None
