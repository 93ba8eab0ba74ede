from __future__ import annotations

import math

from rich.console import Console

from weightdesk.terminal.layers import Layer
from weightdesk.terminal.layertable import layer_table


def shown(*layers: Layer, width: int = 80) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(layer_table(layers, width))
    return [line.rstrip() for line in capture.get().splitlines()]


def layer(module: str = "conv1", gradient: float | None = 1e-3) -> Layer:
    return Layer(
        module=module,
        kind="Conv2d",
        weights=18_496,
        parameter=f"{module}.weight",
        shape=(64, 32, 3, 3),
        scale_start=0.08284,
        scale_now=0.09,
        ratio_median=2.2e-3,
        ratio_last=2e-6,
        gradient=gradient,
    )


def test_every_number_of_a_layer_is_shown() -> None:
    relu = Layer(module="relu1", kind="ReLU", zeros=0.4951, saturated=0.25)
    _, _, conv, activation, *_ = shown(layer(), relu, width=100)
    expected = ["conv1", "64×32×3×3", "18,496", "0.0828", "0.0900", "2.2e-3", "2.0e-6", "1.0e-3", "█" * 8]
    assert conv.split() == expected
    assert activation.split() == ["relu1", "49.5%", "25.0%"]


def test_bars_compare_gradients_on_one_scale() -> None:
    _, _, large, small, empty, *_, note = shown(layer(gradient=1.0), layer(gradient=0.1), layer(gradient=0.0))
    assert large.count("█") == 8
    assert small.count("█") == 4
    assert "█" not in empty
    assert "from 0.0100 to 1.00" in note


def test_columns_without_numbers_are_left_out() -> None:
    bare = Layer(
        module="fc", kind="Linear", weights=4, parameter="fc.weight", shape=(2, 2), scale_now=math.nan
    )
    _, names, row, _, note = shown(bare)
    assert names.split() == ["layer", "shape", "weights", "now"]
    assert row.split() == ["fc", "2×2", "4", "NaN"]
    assert note == "scale: rms of the largest parameter of the module"


def test_many_layers_with_long_names_fit_into_80_columns() -> None:
    names = [f"transformer.encoder.layers.{place}.self_attention.dense" for place in range(150)]
    lines = shown(*map(layer, names))
    assert all(len(line) <= 80 for line in lines)
    assert len({line.split()[0] for line in lines[2:152]}) == 150


def test_millions_of_weights_are_rounded() -> None:
    big = Layer(module="", kind="Model", weights=124_439_808, parameter="w", shape=())
    assert shown(big)[1].split() == ["Model", "scalar", "124M"]
