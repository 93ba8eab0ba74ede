"""Selectivity against its definition, areas against scikit-learn, and what chance gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional

from weightdesk.capture import Specimen
from weightdesk.capture.examples import selectivity
from weightdesk.capture.examples.ranks import areas, interval, midranks
from weightdesk.capture.examples.selectivity import selectivity_index
from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


@settings(max_examples=30)
@given(st.integers(0, 999), st.integers(2, 4), st.integers(1, 6))
def test_areas_are_those_of_scikit_learn(seed: int, classes: int, levels: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, levels, (24, 3), generator=generator).double()
    labels = torch.arange(24) % classes
    found = areas(midranks(values), functional.one_hot(labels).double())
    for each in range(classes):
        expected = [roc_auc_score(labels == each, values[:, unit]) for unit in range(3)]
        assert found[each].tolist() == pytest.approx(expected)


def test_the_interval_is_that_of_delong() -> None:
    generator = np.random.default_rng(0)
    inside, outside = generator.normal(1, 1, 30), generator.normal(0, 1, 50)
    wins = (inside[:, None] > outside[None]).astype(float)
    error = np.sqrt(wins.mean(1).var(ddof=1) / 30 + wins.mean(0).var(ddof=1) / 50)
    values = torch.from_numpy(np.concatenate([inside, outside]))
    members = torch.tensor([1] * 30 + [0] * 50)
    low, high = interval(values, members)
    assert (low, high) == pytest.approx((wins.mean() - 1.96 * error, wins.mean() + 1.96 * error), abs=1e-4)
    assert np.isnan(interval(values[:3], torch.tensor([1, 0, 0]))).all()


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Two normal distributions one deviation apart: the area is Φ(1/√2) = 0.7602."""
    generator = torch.Generator().manual_seed(0)
    members, held = (torch.arange(120) < 60).long(), 0
    for _ in range(300):
        low, high = interval(torch.randn(120, generator=generator) + members, members)
        held += low <= 0.7602 <= high
    assert 0.91 <= held / 300 <= 0.98


def planted() -> Specimen:
    """Unit 0 tells class 2, unit 1 nothing, unit 2 is dead, unit 3 tells class 0 by being low elsewhere."""
    labels = torch.arange(90) % 3
    noise = torch.rand(90, 1, generator=torch.Generator().manual_seed(0))
    inputs = torch.cat([functional.one_hot(labels, 3).float(), noise], dim=1)
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU())
    net[0].weight.data = torch.tensor(
        [[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [-1.0, -1.0, -1.0, 0.0], [2.0, 1.0, 1.0, 0.0]]
    )
    return Specimen(net, inputs, labels, ("x", "y", "z"))


def test_planted_selectivity_is_found() -> None:
    whole = planted()
    page = selectivity(whole, layers_of(whole.model, whole.inputs)[0], untrained=whole.model)
    found = page.units
    assert found.best[[0, 3]].tolist() == [2, 0]
    assert found.area.tolist() == pytest.approx([1.0, float(found.area[1]), 0.5, 1.0])
    assert found.index[[0, 3]].tolist() == pytest.approx([1.0, 1 / 3])
    assert found.index[2].isnan()
    assert found.p[0] == pytest.approx(1 / 201)
    assert found.p[2] == 1.0
    assert found.area[1] < found.chance[1] + 0.1
    assert found.above_chance in (0.5, 0.75)
    assert page.to_arrow()["class"].to_pylist()[:2] == ["z", "x"]
    assert list(page.networks) == ["this network", "scrambled weights", "step 0"]
    assert "50%" in page.title or "75%" in page.title
    assert "beside networks" in page._repr_html_()


def test_units_of_noise_are_above_chance_as_often_as_the_level_says() -> None:
    inputs = torch.randn(100, 300, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 4, (100,), generator=torch.Generator().manual_seed(1))
    net = nn.Linear(300, 300)
    net.weight.data = torch.eye(300)
    found = selectivity(Specimen(net, inputs, labels), layers_of(net, inputs)[0], permutations=100).units
    assert 0.02 <= found.above_chance <= 0.09


@given(st.integers(0, 999), st.floats(0.125, 8))
def test_the_index_does_not_change_with_the_scale(seed: int, scale: float) -> None:
    values = torch.rand(12, 3, generator=torch.Generator().manual_seed(seed)).double()
    members = functional.one_hot(torch.arange(12) % 4).double()
    found = selectivity_index(values, members)
    assert torch.allclose(found, selectivity_index(scale * values, members))
    means = torch.stack([values[torch.arange(12) % 4 == each].mean(0) for each in range(4)]).sort(0).values
    rest = means[:3].mean(0)
    assert torch.allclose(found, (means[3] - rest) / (means[3] + rest))


def test_classes_that_do_not_occur_are_left_out_and_names_fit() -> None:
    whole = planted()
    labels = whole.targets * 2  # type: ignore[operator]
    other = Specimen(whole.model, whole.inputs, labels)
    page = selectivity(other, layers_of(whole.model, whole.inputs)[0], permutations=5)
    assert page.units.best[0] == 4
    assert page.to_arrow()["class"].to_pylist()[0] == "4"


def test_the_same_bits_each_time_and_errors() -> None:
    whole = planted()
    layer = layers_of(whole.model, whole.inputs)[0]
    first, second = (selectivity(whole, layer, permutations=9, seed=3).networks for _ in range(2))
    for name in first:
        assert torch.equal(first[name].chance, second[name].chance)
        assert torch.equal(first[name].area, second[name].area)
    with pytest.raises(OptionError, match="two classes"):
        selectivity(Specimen(whole.model, whole.inputs), layer)
    with pytest.raises(OptionError, match="two classes"):
        selectivity(Specimen(whole.model, whole.inputs, torch.zeros(90).long()), layer)
    with pytest.raises(OptionError, match="permutations must be 1"):
        selectivity(whole, layer, permutations=0)
