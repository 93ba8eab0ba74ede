"""Scrambled networks keep every number and no structure, the same for the same seed."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.capture.baselines import baselines, scrambled


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4))


@given(st.integers(0, 2**31))
def test_the_numbers_stay_and_the_network_too(seed: int) -> None:
    model = network()
    before = {name: each.clone() for name, each in model.named_parameters()}
    other = dict(scrambled(model, seed).named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert torch.equal(other[name].flatten().sort().values, parameter.flatten().sort().values)
    assert not torch.equal(other["0.weight"], before["0.weight"])


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first, again, other = (scrambled(network(), seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_only_chosen_parameters_are_scrambled() -> None:
    model = network()
    other = scrambled(model, 0, ["2.weight"])
    assert torch.equal(other[0].weight, model[0].weight)  # type: ignore[index]
    assert not torch.equal(other[2].weight, model[2].weight)  # type: ignore[index]


def test_baselines_are_named_and_the_network_itself_is_first() -> None:
    model, untrained = network(), network()
    found = baselines(model, 1, untrained)
    assert list(found) == ["this network", "scrambled weights", "step 0"]
    assert found["this network"] is model
    assert found["step 0"] is untrained
