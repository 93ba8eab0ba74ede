"""Statistics of parameters, gradients and updates at one step."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from weightdesk.recording.copies import WORTH_RESERVING, SpareMemory
from weightdesk.recording.notes import Notes
from weightdesk.recording.spool import Spool, SpooledTensor
from weightdesk.statistics.devices import DeviceMeasurements, measure_on_device
from weightdesk.statistics.layout import CHUNK
from weightdesk.statistics.measure import KINDS, Measurements, in_memory_order, measure, merge
from weightdesk.statistics.memory import has_plain_memory, has_plain_values
from weightdesk.types import Kind, ParameterName, Step


class Found(Protocol):
    """Measurements that may still be on their way from a device."""

    def collect(self) -> Measurements:
        """The measurements; waits for the device if it has to."""
        ...


@dataclass(frozen=True)
class Batch:
    """Measurements of one kind at one step, before they become rows of a table.

    Attributes:
        step: optimizer steps done before.
        kind: what was measured.
        names: of the parameters, or of the modules for activations.
        found: one row a name; perhaps still on a device.
        zeros: elements a sparse gradient does not hold, one number a name; they are zero.
        weights: for updates, the measurements of the same parameters before.
        saturated: for activations, the share of outputs near a bound.

    """

    step: Step
    kind: Kind
    names: Sequence[str]
    found: Found
    zeros: Sequence[int] | None = None
    weights: Found | None = None
    saturated: Tensor | None = None

    def without(self, names: Container[str]) -> Batch:
        """The same measurements, but for those of some names."""
        rows = [row for row, name in enumerate(self.names) if name not in names]
        return replace(
            self,
            names=[self.names[row] for row in rows],
            found=self.found.collect()[rows],
            zeros=None if self.zeros is None else [self.zeros[row] for row in rows],
        )


def measure_anywhere(
    tensors: Sequence[Tensor], before: Sequence[Tensor] | None = None
) -> Measurements | DeviceMeasurements:
    """Measure tensors where they lie: with the kernels on the CPU, in torch operations elsewhere.

    >>> len(measure_anywhere([torch.ones(3), torch.ones(4)]).collect().totals)
    2
    """
    if all(tensor.is_cpu for tensor in tensors):
        return measure(tensors, before)
    home = tensors[0].device
    found = [
        measure_on_device([tensor], None if before is None else [before[i]])
        for i, tensor in enumerate(tensors)
    ]
    return DeviceMeasurements(
        torch.cat([each.totals.to(home, non_blocking=True) for each in found]),
        torch.cat([each.histograms.to(home, non_blocking=True) for each in found]),
    )


class StepMeter:
    """Measures a step in two halves: before and after the optimizer moved the parameters.

    Arguments:
        kinds: which of weight, gradient and update to measure.
        notes: told what cannot be measured.

    Attributes:
        spool: if set, the weights on the CPU are remembered there and not in memory.

    """

    def __init__(self, kinds: frozenset[Kind], notes: Notes) -> None:
        self._kinds, self._notes = kinds, notes
        self.spool: Spool | None = None
        self._spooled: dict[ParameterName, SpooledTensor] = {}
        self._copies: dict[ParameterName, Tensor] = {}  # kept from step to step, to allocate once
        self._memory = SpareMemory()
        self._weights: Measurements | DeviceMeasurements | None = None

    def reserve(self, parameters: Mapping[ParameterName, Tensor]) -> None:
        """Ask for the memory that remembering large weights needs, before the training begins."""
        if "update" in self._kinds:
            large = {name: part for name, part in parameters.items() if part.nbytes >= WORTH_RESERVING}
            for name, tensor in self._measurable(large).items():
                self._copy(name, tensor)

    def forget_all_but(self, names: Container[ParameterName]) -> None:
        """Give back the memory for parameters that are no longer there."""
        self._copies = {name: copy for name, copy in self._copies.items() if name in names}

    def before(
        self,
        step: Step,
        parameters: Mapping[ParameterName, Tensor],
        gradients: Mapping[ParameterName, Tensor],
    ) -> list[Batch]:
        """Measure weights and gradients; remember the weights if updates are to be measured."""
        weights = self._measurable(parameters)
        read = [] if self._kinds.isdisjoint({"weight", "update"}) else list(weights.values())
        seen, held, zeros = self._held(gradients)
        found = measure_anywhere([*read, *held])  # in one call: what a call costs is felt at every step
        batches = []
        if read:
            self._weights = found[: len(read)]
            if "weight" in self._kinds:
                batches.append(Batch(step, "weight", list(weights), self._weights))
        if seen:
            batches.append(Batch(step, "gradient", seen, found[len(read) :], zeros=zeros))
        if "update" in self._kinds:
            for name, tensor in weights.items():
                if self.spool is not None and tensor.is_cpu:
                    self._spooled[name] = self.spool.copy(name, in_memory_order(tensor))
                else:
                    self._copy(name, tensor)
        return batches

    def gradients(self, step: Step, gradients: Mapping[ParameterName, Tensor]) -> list[Batch]:
        """Measure gradients alone."""
        seen, held, zeros = self._held(gradients)
        return [Batch(step, "gradient", seen, measure_anywhere(held), zeros=zeros)] if seen else []

    def after(self, step: Step, parameters: Mapping[ParameterName, Tensor]) -> list[Batch]:
        """Measure the updates."""
        remembered = self._copies.keys() | self._spooled.keys()
        moved = {name: each for name, each in self._measurable(parameters).items() if name in remembered}
        if not moved or "update" not in self._kinds:
            return []
        found: Found
        if self.spool is not None and self._spooled:
            found = Measurements.joined([self._measure_spooled(name, each) for name, each in moved.items()])
            self._spooled.clear()
            self.spool.clear()
        else:
            found = measure_anywhere(list(moved.values()), [self._copies[name] for name in moved])
        return [Batch(step, "update", list(moved), found, weights=self._weights)]

    def _measurable(self, tensors: Mapping[ParameterName, Tensor]) -> dict[ParameterName, Tensor]:
        """Those that can be measured; the others are named in the notes."""
        fit = {name: tensor for name, tensor in tensors.items() if _is_measurable(tensor)}
        for name, tensor in tensors.items() if len(fit) < len(tensors) else ():
            if name not in fit and tensor.dtype in KINDS:  # of other types, watch has told already
                self._notes.add(f"no statistics of {name}: a {type(tensor).__name__} without plain memory")
        return fit

    def _held(
        self, gradients: Mapping[ParameterName, Tensor]
    ) -> tuple[list[ParameterName], list[Tensor], list[int]]:
        """Names of gradients, what they hold, and how many zeros sparse ones leave out."""
        if "gradient" not in self._kinds:
            return [], [], []
        held = self._measurable(
            {name: each.coalesce().values() if each.is_sparse else each for name, each in gradients.items()}
        )
        zeros = [gradients[name].numel() - tensor.numel() for name, tensor in held.items()]
        return list(held), list(held.values()), zeros

    def _measure_spooled(self, name: ParameterName, tensor: Tensor) -> Measurements:
        """Measure one update; what its tensor was comes into memory a few chunks at a time.

        Chunks are what the kernels cut a tensor into, and are added up in the same order: the same bits.
        """
        if name not in self._spooled:  # on another device
            return measure_anywhere([tensor], [self._copies[name]]).collect()
        after, chunks, start = in_memory_order(tensor), [], 0
        for before in self._spooled[name].blocks():
            now = torch.split(after[start : start + len(before)], CHUNK)
            found = measure(now, torch.split(before, CHUNK))
            chunks += [found[i : i + 1] for i in range(len(now))]
            start += len(before)
        return merge(chunks) if chunks else measure([after], [after])

    def _copy(self, name: ParameterName, tensor: Tensor) -> None:
        kept = self._copies.get(name)
        if kept is None or _form(kept) != _form(tensor):
            is_plain = tensor.is_cpu and tensor.is_contiguous()
            self._copies[name] = self._memory.copy(name, tensor) if is_plain else tensor.clone()
        else:
            kept.copy_(tensor, non_blocking=True)


def _is_measurable(tensor: Tensor) -> bool:
    return tensor.dtype in KINDS and (has_plain_memory(tensor) if tensor.is_cpu else has_plain_values(tensor))


def _form(tensor: Tensor) -> tuple[object, ...]:
    return tensor.shape, tensor.stride(), tensor.dtype
