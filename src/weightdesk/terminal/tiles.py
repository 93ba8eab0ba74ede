"""The first weights of a network as small maps: filters, what a unit looks for in a picture, a matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from weightdesk.errors import UnknownParameterError
from weightdesk.runs import Parameter, Run

_CHANNELS: Final = 4  # input channels of a filter that are shown, side by side
_MATRIX: Final = 512  # rows and columns of a matrix that are shown


@dataclass(frozen=True, eq=False)
class Tiles:
    """Maps of one size, coloured on one scale.

    Attributes:
        title: what they are.
        maps: the weights; the channels of a tile are shown side by side.
        names: the number of each unit, or "" for a matrix.
        rows: for a matrix, the name of each row.

    """

    title: str
    maps: Float32[np.ndarray, "tiles channels height width"]
    names: tuple[str, ...]
    rows: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """The largest size of a finite weight; it has the full colour."""
        sizes = np.abs(self.maps[np.isfinite(self.maps)])
        return float(sizes.max()) if sizes.size else 0.0


def first_tiles(run: Run, step: int) -> Tiles:
    """The first convolution's filters, or else the first layer, after so many steps."""
    parameter = _first(list(run.parameters.values()))
    shape = (run.recipe or {}).get("dataset", {})
    return tiles(parameter.name, run.weights(parameter.name, step), step, shape)


def tiles(name: str, weights: Tensor, step: int, dataset: Mapping[str, Any]) -> Tiles:
    """A parameter's weights as maps.

    Arguments:
        name: the parameter's name.
        weights: filters with four dimensions make a map for each unit; so do two dimensions whose
            inputs are the pixels of a picture; all else is one matrix, inputs by units.
        step: for the title.
        dataset: `input_shape` and `feature_names`, where the run knows them.

    >>> import torch
    >>> tiles("conv.weight", torch.ones(6, 3, 5, 5), 8, {}).maps.shape
    (6, 3, 5, 5)
    >>> tiles("fc.weight", torch.ones(16, 64), 8, {"input_shape": [1, 8, 8]}).maps.shape
    (16, 1, 8, 8)
    >>> tiles("fc.weight", torch.ones(16, 2), 8, {"feature_names": ["x", "y"]}).rows
    ('x', 'y')
    """
    values = weights.detach().float().numpy()
    picture = tuple(dataset.get("input_shape", ()))
    if values.ndim == 2 and len(picture) == 3 and math.prod(picture) == values.shape[1]:
        values = values.reshape(-1, *picture)
    if values.ndim == 4:
        return _filters(name, values, step)
    matrix = values.reshape(len(values) if values.ndim > 1 else 1, -1).T
    shown = matrix[:_MATRIX, :_MATRIX]
    title = f"{name} at step {step}: a row an input, a column a unit" + _part(shown.shape, matrix.shape)
    features = tuple(dataset.get("feature_names", ()))
    rows = features if len(features) == len(shown) else tuple(str(row) for row in range(len(shown)))
    return Tiles(title, shown[None, None], ("",), rows)


def _filters(name: str, values: Float32[np.ndarray, "units channels height width"], step: int) -> Tiles:
    units, channels, height, width = values.shape
    shown = values[:, :_CHANNELS]
    title = f"{name} at step {step}: {units} units of {height}×{width}"
    if channels > 1:
        title += f", {channels} channels side by side" + _part(shown.shape[1:2], (channels,))
    return Tiles(title, shown, tuple(str(unit) for unit in range(units)))


def _part(shown: Sequence[int], whole: Sequence[int]) -> str:
    if tuple(shown) == tuple(whole):
        return ""
    return f" (the first {'×'.join(map(str, shown))} of {'×'.join(map(str, whole))})"


def _first(parameters: Sequence[Parameter]) -> Parameter:
    """The first convolution of pictures, or else the first matrix, or else the first of the largest."""
    full = [each for each in parameters if each.size]
    if not full:
        raise UnknownParameterError("the run has no parameter with weights, so there are none to draw")
    return max(full, key=lambda each: (len(each.shape) == 4, len(each.shape) > 1, _size_of_vector(each)))


def _size_of_vector(parameter: Parameter) -> int:
    return parameter.size if len(parameter.shape) < 2 else 0
