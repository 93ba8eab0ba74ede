from __future__ import annotations

import math

import pytest
import torch
from terminal_recordings import Record
from torch import nn

from weightdesk import Run
from weightdesk.terminal.layers import read_layers, rms


def test_layers_stand_in_the_order_of_the_model(pictures: Run) -> None:
    assert [(each.module, each.kind, each.weights) for each in read_layers(pictures, 4)] == [
        ("0", "Conv2d", 57),
        ("1", "ReLU", 0),
        ("3", "Linear", 52),
        ("4", "Tanh", 0),
    ]


@pytest.mark.parametrize("step", [1, 4])
def test_numbers_are_those_of_the_python_api(pictures: Run, step: int) -> None:
    layer = read_layers(pictures, step)[0]
    assert (layer.parameter, layer.shape) == ("0.weight", (3, 2, 3, 3))
    for scale, at in ((layer.scale_start, 0), (layer.scale_now, step)):
        assert scale == pytest.approx(float(pictures.weights("0.weight", at).double().square().mean().sqrt()))
    last = min(step, 3)
    ratios = []
    for at in range(last + 1):
        update, weights = pictures.update("0.weight", at), pictures.weights("0.weight", at)
        ratios.append(float(update.double().norm() / weights.double().norm()))
    assert layer.ratio_last == pytest.approx(ratios[-1])
    assert layer.ratio_median == pytest.approx(float(torch.tensor(ratios).double().quantile(0.5)))
    gradient = pictures.gradient("0.weight", last).double()
    assert layer.gradient == pytest.approx(float(gradient.square().mean().sqrt()))


def test_activation_functions_tell_their_zeros_and_bounds(pictures: Run) -> None:
    relu, tanh = (each for each in read_layers(pictures, 4) if each.parameter is None)
    zeros, count = (pictures.series("1", "activation", column).values for column in ("zeros", "count"))
    assert relu.zeros == pytest.approx(float(zeros[-1] / count[-1]))
    assert 0 < relu.zeros < 1
    assert relu.saturated is None
    assert tanh.saturated == float(pictures.series("4", "activation", "saturated").values[-1])


def test_without_statistics_only_the_scales_are_known(record: Record) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    layers = read_layers(record(network, 2, kinds=[]), 4)
    assert [each.module for each in layers] == ["0", "2"]
    assert layers[0].scale_now is not None
    assert {layers[0].ratio_median, layers[0].ratio_last, layers[0].gradient} == {None}


def test_without_a_snapshot_the_scales_are_unknown(pictures: Run) -> None:
    layer = read_layers(pictures, None)[0]
    assert layer.scale_start is layer.scale_now is None
    assert layer.gradient == pytest.approx(float(pictures.series("0.weight", "gradient").values[-1]))


class Gain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.gain * inputs


def test_a_parameter_of_the_model_itself_has_a_layer(record: Record) -> None:
    (layer,) = read_layers(record(Gain(), 2), 4)
    assert (layer.module, layer.kind, layer.parameter, layer.shape) == ("", "Gain", "gain", ())


def test_rms_of_odd_tensors() -> None:
    assert math.isnan(rms(torch.tensor([])))
    assert math.isnan(rms(torch.tensor([1.0, math.nan])))
    assert rms(torch.full((3,), 1e30, dtype=torch.bfloat16)) == pytest.approx(1e30, rel=1e-2)
