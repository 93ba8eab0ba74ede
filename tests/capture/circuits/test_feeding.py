"""A corner made of two edges is read off; parts and bias add up to z through whatever lies between."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_corner import CORNER, SILENT, corners
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture import Specimen
from weightdesk.capture.circuits import Origin, feeding
from weightdesk.capture.circuits.origins import wiring
from weightdesk.capture.circuits.parts import entries, parts_of
from weightdesk.capture.circuits.usage import usage
from weightdesk.capture.layers import layers_of
from weightdesk.errors import IndexRangeError, OptionError


def test_a_corner_is_fed_by_its_two_edges() -> None:
    whole = corners()
    page = feeding(whole, layers_of(whole.model, whole.inputs)[1], CORNER, untrained=whole.model)
    assert {each.name for each in page.feeders[:2]} == {"0 0", "0 1"}
    assert page.by_weight[0].name == "0 2"
    found = {each.name: each for each in page.feeders}
    assert found["0 2"].size == found["0 2"].mean == found["0 2"].strongest == 0
    assert found["0 2"].weight == 45
    assert found["0 3"].mean < 0
    assert found["0 3"].strongest == 0
    # a square's corner: two thirds of each edge
    assert found["0 0"].strongest == found["0 1"].strongest == pytest.approx(2 / 3)
    assert page.z_strongest == pytest.approx(4 / 3 - 0.25)
    assert page.title in ("2 0 is fed most by 0 0", "2 0 is fed most by 0 1")
    assert page.to_arrow()["rank by weights"].to_pylist()[-1] == 1
    assert "step 0" in page._repr_html_()


def test_what_is_in_use_is_weight_times_activation() -> None:
    whole = corners()
    page = feeding(whole, layers_of(whole.model, whole.inputs)[1], CORNER)
    edges = whole.model[:2](whole.inputs).detach()  # type: ignore[index]
    found = {each.origins[0].unit: each for each in page.feeders}
    for unit, weight in ((0, 1.0), (1, 1.0), (3, -0.5)):
        assert found[unit].mean == pytest.approx(weight * float(edges[:, unit].mean()), rel=1e-5)
        assert found[unit].size == pytest.approx(abs(found[unit].mean), rel=1e-5)
    assert sum(each.mean for each in page.feeders) + page.bias == pytest.approx(page.z, rel=1e-5)
    assert sum(each.strongest for each in page.feeders) + page.bias == pytest.approx(page.z_strongest)
    assert sum(each.explained for each in page.feeders) == pytest.approx(1.0, rel=1e-5)


class Fire(nn.Module):
    """SqueezeNet's, with a residual around the second layer and a linear layer after the map."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.small = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 2, 1)
        self.large = nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect")
        self.norm, self.pool, self.drop = nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Dropout()
        self.inner, self.grouped = nn.Conv2d(4, 4, 1, bias=False), nn.Conv2d(4, 4, 2, groups=2, dilation=2)
        self.output = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.squeeze(x)))
        x = torch.cat([self.small(x), self.large(x)], dim=1).relu()
        x = self.grouped(x + self.inner(x))
        return self.output(self.drop(self.pool(x)).flatten(1))


def fire() -> Specimen:
    torch.manual_seed(0)
    model = Fire()
    inputs = torch.randn(12, 3, 13, 13)
    model(inputs)  # gives the normalisation something
    return Specimen(model.eval(), inputs)


def test_the_units_behind_each_input_are_found() -> None:
    whole = fire()
    found = wiring(whole.model, whole.inputs, layers_of(whole.model, whole.inputs))
    assert [found["squeeze"].name(each) for each in range(3)] == ["input 0", "input 1", "input 2"]
    assert found["small"].feeders == tuple((Origin("squeeze", unit),) for unit in range(4))
    side_by_side = [
        (Origin("small", 0),),
        (Origin("small", 1),),
        (Origin("large", 0),),
        (Origin("large", 1),),
    ]
    assert list(found["inner"].feeders) == side_by_side
    assert [found["grouped"].name(each) for each in (0, 3)] == ["small 0 + inner 0", "large 1 + inner 3"]
    assert found["output"].labels.tolist() == [unit for unit in range(4) for _ in range(4)]
    assert found["output"].feeders[2] == (Origin("grouped", 2),)


@pytest.mark.parametrize("name", ["squeeze", "small", "large", "inner", "grouped", "output"])
def test_parts_and_bias_add_up_to_z_and_usage_to_its_variance(name: str) -> None:
    whole = fire()
    layers = layers_of(whole.model, whole.inputs)
    found, layer = (
        wiring(whole.model, whole.inputs, layers),
        next(each for each in layers if each.name == name),
    )
    parts = parts_of(whole.model, layer, found)
    (entry,) = entries(whole.model, whole.inputs, layer)
    split = parts.of(range(layer.units), entry.x)
    biases = torch.tensor([parts.bias(unit) for unit in range(layer.units)])
    assert torch.allclose(split.sum(2) + biases[:, None], entry.z, atol=1e-5)
    used = usage(whole, layer, found, batch=5)
    assert used.remainder < 1e-5
    assert torch.allclose(used.size, split.abs().double().mean((0, 3)), rtol=1e-5)
    assert torch.allclose(used.mean, split.double().mean((0, 3)), atol=1e-6)
    z = entry.z.double().transpose(0, 1).flatten(1)
    assert torch.allclose(used.variance, z.var(1, correction=0), rtol=1e-5)
    assert torch.allclose(used.covariance.sum(1), used.variance, rtol=1e-5)
    assert torch.allclose(used.z, z.mean(1), atol=1e-6)
    weight = whole.model.get_parameter(f"{name}.weight").detach()
    totals = torch.stack([parts.weight(unit).sum() for unit in range(layer.units)])
    assert torch.allclose(totals, weight.abs().flatten(1).sum(1))


@settings(max_examples=20)
@given(
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_parts_of_any_convolution_add_up(
    kernel: int, stride: int, padding: int, dilation: int, groups: int, bias: bool
) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    model = nn.Sequential(
        nn.Conv1d(2, 4, 1), nn.ReLU(), nn.Conv1d(4, 6, kernel, bias=bias, **options)
    ).double()
    whole = Specimen(model, torch.randn(5, 2, 9).double())
    layers = layers_of(model, whole.inputs)
    parts = parts_of(model, layers[1], wiring(model, whole.inputs, layers))
    (entry,) = entries(model, whole.inputs, layers[1])
    split = parts.of([5, 0, 2], entry.x).sum(2)
    for row, unit in enumerate([5, 0, 2]):
        assert torch.allclose(split[:, row] + parts.bias(unit), entry.z[:, unit])


def test_many_units_in_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fire()
    layers = layers_of(whole.model, whole.inputs)
    found = wiring(whole.model, whole.inputs, layers)
    at_once = usage(whole, layers[2], found)
    monkeypatch.setattr("weightdesk.capture.circuits.usage._AT_ONCE", 1)
    assert torch.allclose(usage(whole, layers[2], found).covariance, at_once.covariance)


def test_normalised_units_are_told_and_mixed_ones_are_said_to_be() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.query, self.after = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(5, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.words(tokens)
            x = functional.layer_norm(self.query(x), (4,)).softmax(-1)
            return self.after(torch.cat([x, x.mean(-1, keepdim=True)], dim=-1))

    torch.manual_seed(0)
    model, tokens = Mixed().eval(), torch.arange(8).view(2, 4)
    layers = layers_of(model, tokens)
    found = wiring(model, tokens, layers)
    assert found["query"].feeders[3] == (Origin("words", 3),)
    assert [found["after"].name(each) for each in (3, 4)] == ["query 3", "input 4, of query"]
    assert usage(Specimen(model, tokens), layers[2], found).remainder < 1e-6
    with pytest.raises(OptionError, match="'words' is an embedding"):
        feeding(Specimen(model, tokens), layers[0], 0)


def test_where_no_rule_tells_the_units_inputs_stand_for_themselves() -> None:
    class Sorted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv1d(1, 2, 1), nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x).sort(-1).values)

    torch.manual_seed(0)
    whole = Specimen(Sorted(), torch.randn(6, 1, 3))
    layers = layers_of(whole.model, whole.inputs)
    page = feeding(whole, layers[1], 0)
    assert {each.name for each in page.feeders} == {"input 0", "input 1", "input 2"}
    assert all(each.origins == () for each in page.feeders)
    assert page.remainder < 1e-6


def test_a_constant_unit_has_no_variance_to_explain() -> None:
    net, rows = nn.Linear(2, 1), torch.full((300, 2), 0.1)
    whole = Specimen(net, rows)
    layers = layers_of(net, rows)
    assert usage(whole, layers[0], wiring(net, rows, layers)).variance.tolist() == [0.0]
    assert usage(whole, layers[0], wiring(net, rows, layers)).explained.isnan().all()


def test_the_same_bits_each_time_errors_and_stopping() -> None:
    whole = corners()
    layer = layers_of(whole.model, whole.inputs)[1]
    first, second = (feeding(whole, layer, CORNER, seed=5) for _ in range(2))
    assert first.feeders == second.feeders
    assert torch.equal(first.top_share["scrambled weights"], second.top_share["scrambled weights"])
    assert first.feeders[-1].origins == (Origin("0", SILENT),)
    with pytest.raises(IndexRangeError, match="2 has units 0 to 1, got 2"):
        feeding(whole, layer, 2)
    with pytest.raises(OptionError, match="examples must be 1 or more"):
        feeding(whole, layer, 0, examples=0)

    def stop(_what: str, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        feeding(whole, layer, 0, progress=stop)
    assert not any(module._forward_hooks for module in whole.model.modules())
