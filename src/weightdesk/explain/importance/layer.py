"""The layer through which a parameter acts, and how far zeroing weights moves its units.

A weight that is used once moves one unit of one layer: an output feature of a linear layer, a
channel of a convolution, a dimension of an embedding. Everything else of the layer stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from weightdesk.explain.tracing import Station, Trace

_CONVOLVE: Final = {3: torch.conv1d, 4: torch.conv2d, 5: torch.conv3d}
_MODULES: Final = {
    "linear": (nn.Linear,),
    "convolution": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "lookup": (nn.Embedding,),
    "scale": (nn.LayerNorm, nn.RMSNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm),
}


@dataclass(frozen=True, eq=False)
class Layer:
    """A module whose output is the result of the one operation that uses the parameter.

    Attributes:
        name: the parameter's name.
        module: the module's name.
        kind: how it uses the parameter, as `Operation` names it; `bias` where that is only added.
        parameter: the parameter's values.
        inputs: what the weights are multiplied with.
        options: of a convolution: stride, padding, dilation, groups.
        z: what the layer gives for the probe set.
        axis: the axis of z on which the units lie.
        unit_axis: the axis of the parameter that counts units.
    """

    name: str
    module: str
    kind: str
    parameter: Tensor
    inputs: Tensor
    options: Mapping[str, Any]
    z: Tensor
    axis: int
    unit_axis: int

    @property
    def units(self) -> int:
        """Number of units that the parameter has weights of."""
        return self.parameter.shape[self.unit_axis]

    def row(self, unit: int) -> Tensor:
        """The weights of a unit."""
        return self.parameter.select(self.unit_axis, unit)

    def at(self, unit: int) -> Tensor:
        """What the unit gives, (examples, *places)."""
        return self.z.select(self.axis, unit)

    def displacements(self, unit: int, rows: Tensor) -> Tensor:
        """How far the unit moves when it loses weights.

        Arguments:
            unit: which unit.
            rows: (variants, *row) what each variant takes away; zero where it takes nothing.

        Returns:
            (variants, examples, *places).
        """
        if self.kind == "linear":
            columns = rows.any(0).nonzero()[:, 0]  # of the others nothing is taken
            return -(self.inputs[..., columns] @ rows[:, columns].t()).movedim(-1, 0)
        if self.kind == "convolution":
            return -self._convolved(unit, rows).movedim(1, 0)
        if self.kind == "lookup":
            return -rows[:, self.inputs]
        places = self.at(unit) if self.kind == "bias" else self.inputs.select(self.axis, unit)
        moved = torch.ones_like(places) if self.kind == "bias" else places
        return -rows.reshape(-1, *[1] * places.ndim) * moved

    def _convolved(self, unit: int, rows: Tensor) -> Tensor:
        channels = rows.flatten(2).any(-1).any(0).nonzero()[:, 0]
        group = unit // (self.units // self.options["groups"])
        inputs = self.inputs[:, group * rows.shape[1] + channels]
        options = {**self.options, "groups": 1}
        return _CONVOLVE[rows.ndim](inputs, rows[:, channels].contiguous(), None, **options)


def find_layer(model: nn.Module, trace: Trace, name: str, examples: int) -> Layer | None:
    """The layer of a parameter; None where more than one operation uses it, or no module is just that."""
    uses = trace.uses(name)
    if len(uses) != 1:
        return None
    station, role = uses[0], uses[0].role(name)
    module = model.get_submodule(station.module)
    owned = name.rpartition(".")[0] == station.module
    if role is None or role.start or not owned or module._forward_hooks:
        return None
    if not isinstance(module, _MODULES.get(station.operation.kind, ())):
        return None
    if sum(each.module == station.module for each in trace.stations) > 1:
        return None
    kind = "bias" if role.place == "bias" else station.operation.kind
    layer = _layer(name, station, model.get_parameter(name).detach(), kind)
    by_example = layer.inputs.ndim > 0 and layer.inputs.shape[0] == layer.z.shape[0] == examples
    normal_over_several = kind in ("scale", "bias") and layer.parameter.ndim != 1
    return layer if by_example and layer.axis > 0 and not normal_over_several else None


def _layer(name: str, station: Station, parameter: Tensor, kind: str) -> Layer:
    operation, z = station.operation, station.result.detach()
    channels_first = operation.kind == "convolution" or operation.options.get("axes") == 1
    axis = 1 if channels_first else z.ndim - 1
    unit_axis = 1 if kind == "lookup" else 0
    inputs = operation.inputs.detach()
    return Layer(name, station.module, kind, parameter, inputs, operation.options, z, axis, unit_axis)
