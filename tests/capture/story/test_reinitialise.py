"""Layers put back: what is left is what the network tells then, and a layer at step 0 costs nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learned_signs import examples, networks, specimen
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.reinitialise import put_back, reinitialise_layers
from weightdesk.errors import OptionError


def test_shares_are_those_of_the_network_with_the_layer_put_back() -> None:
    whole, untrained = specimen(), networks()[0]
    found = reinitialise_layers(whole, untrained=untrained)
    assert whole.labels is not None
    for layer, each in zip(layers_of(whole.model, whole.inputs), found.layers, strict=True):
        network = put_back(whole.model, layer, untrained)
        after = (network(whole.inputs).argmax(1) == whole.labels).double().mean()
        assert each.step_0 is not None
        assert each.step_0.value == pytest.approx(float(after) / found.before.value)
        assert each.step_0.low <= each.step_0.value <= each.step_0.high
    first = found.layers[0]
    assert first.step_0 is not None
    assert first.step_0.high < 0.95
    assert first.fresh.high < 0.8
    assert found.all.high < 0.75


def test_a_network_at_step_0_loses_nothing() -> None:
    untrained = networks()[0]
    found = reinitialise_layers(specimen().with_model(untrained), untrained=untrained, draws=1)
    assert [each.step_0 and each.step_0.value for each in found.layers] == [1.0, 1.0, 1.0]
    assert [each.step_0 and each.step_0.low for each in found.layers] == [1.0, 1.0, 1.0]


def test_only_one_layer_is_put_back_and_the_network_stays() -> None:
    model, untrained = specimen().model, networks()[0]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layer = layers_of(model, examples(1)[0])[1]
    network = put_back(model, layer, untrained)
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["2.weight", "2.bias"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_the_same_seed_gives_the_same_bits(seed: int) -> None:
    first, second = (reinitialise_layers(specimen(), seed=seed, draws=2) for _ in range(2))
    assert first.to_arrow() == second.to_arrow()


def test_without_step_0_there_are_fresh_weights_only() -> None:
    found = reinitialise_layers(specimen(), draws=2)
    rows = found.to_arrow().to_pylist()
    assert list(rows[0]) == ["layer", "fresh", "fresh from", "fresh to"]
    assert [row["layer"] for row in rows] == ["0", "2", "4", "all layers"]
    assert rows[-1]["fresh"] == found.all.value
    assert "put back: without what" in found.title


def test_without_classes_it_says_so() -> None:
    with pytest.raises(OptionError, match="where a class is predicted"):
        reinitialise_layers(Specimen(nn.Linear(2, 2), torch.zeros(4, 2)))
