"""Chooses the cheapest exact way for a parameter, carries it out, and measures how exact it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from weightdesk.explain.importance.automatic import Computed, compute
from weightdesk.explain.importance.downstream import follow
from weightdesk.explain.importance.engine import Engine
from weightdesk.explain.importance.groups import Groups
from weightdesk.explain.importance.layer import Layer, find_layer
from weightdesk.explain.importance.probe import Probe
from weightdesk.explain.importance.rerun import Units, WholePasses
from weightdesk.explain.importance.tabulation import Tabulation
from weightdesk.explain.tracing import Trace

_WHOLE_PASSES: Final = 4
_UNITS_SAMPLED, _WEIGHTS_A_UNIT = 24, 4


@dataclass(frozen=True, eq=False)
class Ablation:
    """What came out for the groups of a parameter; the fields are those of `Importance`."""

    values: Tensor
    exact: Tensor
    error: float
    bound: float
    engine: str
    note: str


def ablate(
    probe: Probe,
    name: str,
    groups: Groups,
    passed: Trace,
    estimates: Tensor | None,
    seconds: float | None,
    tolerance: float,
) -> Ablation:
    """Carry out ablations: all, or as many as there is time for, the largest estimates first."""
    layer = find_layer(probe.model, passed, name, probe.count) if probe.example_losses else None
    downstream = follow(probe, layer) if layer is not None else None
    whole = WholePasses(probe, name, groups, layer)
    guesses = torch.zeros(groups.count, dtype=torch.float64) if estimates is None else estimates
    if layer is None or downstream is None or not _one_unit_each(groups, layer):
        computed = compute(whole, guesses, seconds, probe.seed)
        return _described(computed, whole, 0.0)
    units = Units(probe, layer, downstream, groups)
    if groups.level != "weight" or not Tabulation.pays(layer):
        computed = compute(units, guesses, seconds, probe.seed)
        return _described(computed, units, _difference(computed, whole, _sample(computed, probe.seed)))
    tables = Tabulation(probe, layer, downstream, units, tolerance)
    computed = compute(tables, guesses, seconds, probe.seed)
    by_passes = _difference(computed, whole, _sample(computed, probe.seed))
    by_units = _difference(computed, units, _unit_sample(computed, layer, probe.seed))
    return _described(computed, tables, max(tables.error, by_passes, by_units))


def _one_unit_each(groups: Groups, layer: Layer) -> bool:
    unit = torch.arange(layer.units).reshape(-1, *[1] * (groups.labels.ndim - 1)).movedim(0, layer.unit_axis)
    unit = unit.expand(groups.labels.shape)
    kept = groups.labels >= 0
    ends = [torch.zeros(groups.count, dtype=torch.long) for _ in range(2)]
    least, most = (
        end.scatter_reduce_(0, groups.labels[kept], unit[kept], way, include_self=False)
        for end, way in zip(ends, ("amin", "amax"), strict=True)
    )
    return torch.equal(least, most)


def _sample(computed: Computed, seed: int) -> list[Tensor]:
    """Some groups that were computed exactly: the largest change, and others at random."""
    exact = computed.exact.nonzero()[:, 0]
    if not len(exact):
        return []
    generator = torch.Generator().manual_seed(seed)
    drawn = exact[torch.randperm(len(exact), generator=generator)[: _WHOLE_PASSES - 1]]
    largest = exact[computed.values[exact].abs().argmax()]
    return [each.reshape(1) for each in torch.cat([drawn, largest[None]])]


def _difference(computed: Computed, engine: Engine, sample: list[Tensor]) -> float:
    """Largest difference from another way to compute the same."""
    return max(
        (float((engine.changes(each) - computed.values[each]).abs().max()) for each in sample), default=0.0
    )


def _unit_sample(computed: Computed, layer: Layer, seed: int) -> list[Tensor]:
    """In some units the largest change and some weights at random."""
    generator = torch.Generator().manual_seed(seed + 1)
    fan_in = layer.parameter.shape[1]
    exact = computed.exact.reshape(-1, fan_in).all(1).nonzero()[:, 0]
    sample = []
    for unit in exact[torch.randperm(len(exact), generator=generator)[:_UNITS_SAMPLED]].tolist():
        drawn = torch.randint(fan_in, (_WEIGHTS_A_UNIT - 1,), generator=generator)
        largest = computed.values[unit * fan_in : (unit + 1) * fan_in].abs().argmax()
        sample.append(unit * fan_in + torch.unique(torch.cat([drawn, largest[None]])))
    return sample


def _described(computed: Computed, engine: Engine, error: float) -> Ablation:
    note = "change of the loss when zeroed"
    left = int((~computed.exact).sum())
    if left:
        note += f"; {left} of {len(computed.exact)} are first-order estimates"
    if left and computed.drawn:
        note += (
            f"; in {computed.drawn} blocks drawn at random they are off by half of {computed.bound:.2g}, the "
            f"bound: with 95 % confidence at most {min(1.0, 3 / computed.drawn):.1%} of the blocks by more"
        )
    return Ablation(computed.values, computed.exact, error, computed.bound, engine.name, note)
