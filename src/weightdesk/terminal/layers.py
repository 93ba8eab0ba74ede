"""What a run knows of each layer: scale, updates, gradient, silent outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from weightdesk.runs import Parameter, Run, Series

_ACTIVATIONS: Final = frozenset(nn.modules.activation.__all__) - {"MultiheadAttention"}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A module that has weights, or an activation function.

    Attributes:
        module: its name; "" for the model itself.
        kind: its class.
        weights: number of its own weights, those of its children left out.
        parameter: its largest parameter, which the following numbers are of; None where it has none.
        shape: of this parameter.
        scale_start: root mean square of the parameter at the start.
        scale_now: the same now.
        ratio_median: rms of the update over rms of the weights, in the median of all steps until now.
        ratio_last: the same at the last step of which it is known.
        gradient: rms of the gradient at the last step of which it is known.
        zeros: for an activation function, the share of its outputs that are exactly zero, likewise.
        saturated: the share near a bound of the function, likewise; None where it has no bounds.

    """

    module: str
    kind: str
    weights: int = 0
    parameter: str | None = None
    shape: tuple[int, ...] | None = None
    scale_start: float | None = None
    scale_now: float | None = None
    ratio_median: float | None = None
    ratio_last: float | None = None
    gradient: float | None = None
    zeros: float | None = None
    saturated: float | None = None


def read_layers(run: Run, step: int | None) -> tuple[Layer, ...]:
    """The layers of a run in the model's order, as they were at a step.

    Arguments:
        run: an open run.
        step: one with a snapshot; None where the run has none, which leaves the scales unknown.

    """
    classes = {each["name"]: each["class"] for each in run.manifest.model.get("modules", [])}
    owned: dict[str, list[Parameter]] = {name: [] for name in classes}
    for parameter in run.parameters.values():
        owned.setdefault(parameter.name.rpartition(".")[0], []).append(parameter)
    layers = []
    for module, parameters in owned.items():
        kind = classes.get(module, "")
        if parameters:
            layers.append(_layer(run, step, module, kind, parameters))
        elif kind in _ACTIVATIONS and (activation := _activation(run, step, module, kind)):
            layers.append(activation)
    return tuple(layers)


def _layer(run: Run, step: int | None, module: str, kind: str, parameters: Sequence[Parameter]) -> Layer:
    largest = max(parameters, key=lambda each: each.size)
    name = largest.name
    ratios = _until(run.series(name, "update", "update_ratio"), step)
    return Layer(
        module=module,
        kind=kind,
        weights=sum(each.size for each in parameters),
        parameter=name,
        shape=largest.shape,
        scale_start=None if step is None else rms(run.weights(name, 0)),
        scale_now=None if step is None else rms(run.weights(name, step)),
        ratio_median=float(ratios.nanquantile(0.5)) if len(ratios) else None,
        ratio_last=_last(ratios),
        gradient=_last(_until(run.series(name, "gradient", "rms"), step)),
    )


def _activation(run: Run, step: int | None, module: str, kind: str) -> Layer | None:
    zeros, total, saturated = (
        _until(run.series(module, "activation", column), step) for column in ("zeros", "count", "saturated")
    )
    if not len(total):
        return None
    near_bound = float(saturated[-1])
    return Layer(
        module=module,
        kind=kind,
        zeros=float(zeros[-1] / total[-1]),
        saturated=None if math.isnan(near_bound) else near_bound,
    )


def rms(values: Float[Tensor, "*shape"]) -> float:
    """Root mean square, summed in float64; NaN where there is nothing, or where one value is NaN.

    >>> rms(torch.tensor([1.0, 7.0]))
    5.0
    """
    return float(torch.linalg.vector_norm(values, dtype=torch.float64)) / math.sqrt(
        values.numel() or math.nan
    )


def _until(series: Series, step: int | None) -> Float64[Tensor, " steps"]:
    return series.values if step is None else series.values[series.steps <= step]


def _last(values: Float64[Tensor, " steps"]) -> float | None:
    return float(values[-1]) if len(values) else None
