"""The table of the layers of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group
from rich.text import Text

from weightdesk.terminal.bars import bar, decades
from weightdesk.terminal.columns import Column, table
from weightdesk.terminal.figures import count, number, shape, share
from weightdesk.terminal.layers import Layer

_BAR: Final = 8


def layer_table(layers: Sequence[Layer], width: int) -> Group:
    """Draw the layers as a table with small bars for the gradients.

    Arguments:
        layers: in the model's order.
        width: characters there are.

    """
    scale = decades(layer.gradient for layer in layers)
    return Group(
        table(layers, Column("layer", _name), list(_columns(scale)), width),
        Text(f"\n{_note(scale)}", style="dim"),
    )


def _columns(scale: tuple[float, float] | None) -> Iterator[Column[Layer]]:
    yield Column("shape", lambda each: "" if each.shape is None else shape(each.shape), "dim", "left")
    yield Column("weights", _weights)
    yield Column("scale\nstart", lambda each: _known(each.scale_start))
    yield Column("scale\nnow", lambda each: _known(each.scale_now))
    yield Column("ratio\nmedian", lambda each: _known(each.ratio_median))
    yield Column("ratio\nlast", lambda each: _known(each.ratio_last))
    yield Column("gradient\nrms", lambda each: _known(each.gradient))
    yield Column("", lambda each: bar(each.gradient, scale, _BAR), "cyan", "left")
    yield Column("zero\noutputs", lambda each: "" if each.zeros is None else share(each.zeros))
    yield Column("outputs\nat bound", lambda each: "" if each.saturated is None else share(each.saturated))


def _name(layer: Layer) -> Text:
    return Text(layer.module or layer.kind or "model", style="" if layer.parameter else "dim")


def _known(value: float | None) -> str:
    return "" if value is None else number(value)


def _weights(layer: Layer) -> str:
    if layer.parameter is None:
        return ""
    return f"{layer.weights:,}" if layer.weights < 1_000_000 else count(layer.weights)


def _note(scale: tuple[float, float] | None) -> str:
    note = "scale: rms of the largest parameter of the module"
    if scale is None:
        return note
    low, high = (number(end) for end in scale)
    return (
        f"{note}; ratio: rms of its update / rms of its weights, last: at the last step with statistics; "
        f"bars: its gradient there from {low} to {high}, log scale"
    )
