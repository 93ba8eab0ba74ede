"""Which parameters which optimizer moves, of those that this process records; follows them as they change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from weightdesk.recording.gradients import SeenGradients
from weightdesk.recording.notes import Notes, enumerate_names
from weightdesk.recording.optimizers import parameters_of
from weightdesk.recording.parameterchanges import update_entries
from weightdesk.recording.sampling import Sampler, choose
from weightdesk.recording.structure import Structure
from weightdesk.recording.subject import Subject
from weightdesk.runs.manifest import Manifest
from weightdesk.statistics.measure import KINDS
from weightdesk.types import ParameterName, Step

Parameters = dict[ParameterName, nn.Parameter]


class OptimizedParameters:
    """The parameters of a subject by optimizer, and those of them whose weights are sampled.

    Arguments:
        subject: what is recorded.
        sampler: told which parameters it samples.
        manifest: kept up to date with the parameters.
        notes: told what joins, ends, changes and cannot be recorded.

    Attributes:
        subject: as it is now.
        sampled: the sampled parameters, in the sampler's order.
    """

    def __init__(self, subject: Subject, sampler: Sampler, manifest: Manifest, notes: Notes) -> None:
        self.subject = subject
        self._sampler, self._manifest, self._notes = sampler, manifest, notes
        self._optimizers = list(subject.optimizers)
        self._has_looked_for_partial = False
        self._note_foreign_parameters()
        self._assign()

    def of(self, optimizer: Optimizer) -> Parameters:
        """What an optimizer moves, or as much of it as this process records."""
        return self._moved[id(optimizer)]

    def by_optimizer(self) -> dict[Optimizer, Parameters]:
        """What each optimizer moves."""
        return {optimizer: self.of(optimizer) for optimizer in self._optimizers}

    def sampled_of(self, optimizer: Optimizer) -> list[nn.Parameter | None]:
        """The sampled parameters, None for those that an optimizer does not move."""
        return self._sampled_moved[id(optimizer)]

    def gradients(self, optimizer: Optimizer) -> SeenGradients:
        """Gradients as an optimizer is about to use them, of the parameters that have one."""
        moved = self.of(optimizer)
        gradients = SeenGradients(moved, optimizer)
        if self.subject.rank.sharded and not self._has_looked_for_partial:
            self._has_looked_for_partial = True
            partial = [name for name in moved if name not in gradients and moved[name].grad is not None]
            if partial:
                self._notes.add(
                    f"no gradients of {enumerate_names(partial)}: partial sums, which the optimizer adds up",
                    aloud=True,
                )
        return gradients

    def note_other_steps(self, others: Sequence[Optimizer]) -> None:
        """Say that nothing was recorded although something else was trained.

        Arguments:
            others: optimizers that stepped, over parameters of another model.
        """
        if others:
            kinds = sorted({type(optimizer).__name__ for optimizer in others})
            self._notes.add(
                "no step was recorded: the optimizer that is watched never stepped, while "
                f"{' and '.join(kinds)} did, over parameters of another model; watch the model and the "
                "optimizer that are trained",
                aloud=True,
            )

    def adopt(self, optimizer: Optimizer) -> bool:
        """Count an optimizer in if it moves parameters of the model; whether it does."""
        if self.has_changed():
            self.subject = self.subject.refreshed(self._optimizers)
        if not self.subject.moved_by(optimizer):
            return False
        self._optimizers.append(optimizer)
        self._add(optimizer)
        return True

    def has_changed(self) -> bool:
        """Whether the model or its optimizers have other parameters than before."""
        return self._structure is not None and self._structure.has_changed()

    def follow(self, step: Step) -> None:
        """Take in what changed; from this step on the new parameters are recorded."""
        before = self._recorded
        self.subject = self.subject.refreshed(self._optimizers)
        parameters, manifest = self.subject.parameters, self._manifest
        present = self.subject.describe_parameters()
        changes = update_entries(manifest.model["parameters"], before, parameters, present, step)
        manifest.model["modules"] = _joined(manifest.model["modules"], self.subject.describe_modules())
        manifest.optimizers[:] = self.subject.describe_optimizers()
        measured = {name: each for name, each in parameters.items() if each.dtype in KINDS}
        sizes = {name: each.numel() for name, each in measured.items()}
        places = choose(sizes, manifest.seeds["sampling"])
        manifest.recording["sampled"] |= {name: tuple(chosen.tolist()) for name, chosen in places.items()}
        self._sampler.follow(places, {name: self.subject.layout.shards[name] for name in measured})
        for name, why in self.subject.layout.left_out.items():
            self._notes.add(f"parameter {name} is not recorded: {why}", aloud=True)
        if text := str(changes):
            self._notes.add(f"parameters from step {step} on: {text}")
        self._note_foreign_parameters()
        self._assign()

    def _assign(self) -> None:
        subject = self.subject
        self._recorded = subject.parameters
        self.sampled = [subject.parameters[name] for name in self._sampler.places]
        self._moved: dict[int, Parameters] = {}
        self._sampled_moved: dict[int, list[nn.Parameter | None]] = {}
        for optimizer in self._optimizers:
            self._add(optimizer)
        # FSDP puts gathered parameters into modules and takes them out again
        self._structure = None if subject.rank.sharded else Structure(subject.model, self._optimizers)

    def _add(self, optimizer: Optimizer) -> None:
        moved = self.subject.recorded_by_this(self.subject.moved_by(optimizer))
        self._moved[id(optimizer)] = moved
        self._sampled_moved[id(optimizer)] = [moved.get(name) for name in self._sampler.places]

    def _note_foreign_parameters(self) -> None:
        subject = self.subject
        for optimizer, foreign in zip(subject.optimizers, subject.foreign_parameters(), strict=True):
            count = len(parameters_of(optimizer))
            kind = type(optimizer).__name__
            if foreign:
                self._notes.add(
                    f"{foreign} of the {count} parameters of the {kind} are not recorded: they are not of "
                    f"the {type(subject.model).__name__} that is watched; watch a module with all",
                    aloud=True,
                )


def _joined(earlier: list[dict[str, Any]], present: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Modules by name, in the order in which they came."""
    return list({module["name"]: module for module in (*earlier, *present)}.values())
