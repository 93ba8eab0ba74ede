"""Ablation by running again: only what the weights reach where that is known, else the whole network."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from weightdesk.explain.importance.downstream import Downstream
from weightdesk.explain.importance.groups import Groups
from weightdesk.explain.importance.layer import Layer
from weightdesk.explain.importance.probe import Probe

_VALUES_AT_ONCE: Final = 1 << 20


class Units:
    """Groups that each lie within one unit: its new values are computed and followed downstream."""

    def __init__(self, probe: Probe, layer: Layer, downstream: Downstream, groups: Groups) -> None:
        self.name = downstream.name
        self._probe, self._layer, self._downstream = probe, layer, downstream
        self._labels = groups.labels.movedim(layer.unit_axis, 0)
        self._unit_of = torch.empty(groups.count, dtype=torch.long)
        size = max(1, _VALUES_AT_ONCE // layer.at(0).numel())
        self.blocks = []
        for unit, labels in enumerate(self._labels):
            members = torch.unique(labels)
            members = members[members >= 0]
            self._unit_of[members] = unit
            self.blocks += [block for block in torch.split(members, size) if len(block)]

    def changes(self, block: Tensor) -> Tensor:
        """See `Engine`; the groups are of one unit."""
        unit = int(self._unit_of[block[0]])
        labels, row = self._labels[unit], self._layer.row(unit)
        chosen = labels == block.reshape(-1, *[1] * labels.ndim)
        moved = self._layer.displacements(unit, row * chosen)
        variants, examples = (
            moved.flatten(2).any(2).nonzero(as_tuple=True) if moved.ndim > 2 else moved.nonzero(as_tuple=True)
        )
        result = torch.zeros(len(block), dtype=torch.float64)
        if len(variants):
            values = self._layer.at(unit)[examples] + moved[variants, examples]
            result.index_add_(0, variants, self._downstream.changes(unit, values, examples))
        return result * self._probe.share


class WholePasses:
    """One forward pass of the probe set a group."""

    def __init__(self, probe: Probe, name: str, groups: Groups, layer: Layer | None) -> None:
        self.name = "a forward pass of the whole network for each"
        if probe.example_losses is None:
            self.name += ", since the examples' losses are not apart"
        self._probe, self._name, self._groups = probe, name, groups
        self._looked_up = layer.inputs if layer is not None and layer.kind == "lookup" else None
        labels = torch.unique(groups.labels)
        self.blocks = list(torch.split(labels[labels >= 0], 1))
        self._base = probe.total()

    def changes(self, block: Tensor) -> Tensor:
        """See `Engine`."""
        changed = {self._name: self._groups.without(self._probe.weights[self._name], block)}
        if self._looked_up is None:
            return torch.tensor([self._probe.total(changed) - self._base], dtype=torch.float64)
        rows = (self._groups.labels == block).any(1)
        examples = rows[self._looked_up].flatten(1).any(1).nonzero()[:, 0]
        if not len(examples):
            return torch.zeros(1, dtype=torch.float64)
        after, before = (
            self._probe.losses(self._probe.outputs(each, examples), examples).sum()
            for each in (changed, None)
        )
        return ((after - before) * self._probe.share).reshape(1)
