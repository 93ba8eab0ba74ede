"""One optimizer step as a run kept it: what it started from and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.errors import RunFormatError, StepNotKeptError
from weightdesk.explain.updates.optimizers.options import check_options, check_state
from weightdesk.explain.updates.optimizers.rule import OptimizerStep
from weightdesk.runs.format import BESIDE_STATE, extra_name, snapshot_name
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import kept_steps
from weightdesk.runs.stepfacts import read_step_facts
from weightdesk.runs.steps import choose_step
from weightdesk.runs.stores import open_store
from weightdesk.types import Step


@dataclass(frozen=True, eq=False)
class RecordedStep:
    """What one step did to some weights of a parameter.

    Attributes:
        step: optimizer steps done before it.
        optimizer: class of the optimizer.
        start: what the optimizer started from; its gradient as backward left it is without the recorded
            loss scale, and None where it was not kept.
        after: the weights after it: exactly where the next snapshot tells, otherwise the recorded update
            is added, which was rounded to the weights' dtype.
        loss_scale: what the loss was multiplied with before backward; None where that is not known.

    >>> start = OptimizerStep(torch.ones(1), None, {}, {})
    >>> RecordedStep(7, "SGD", start, torch.full((1,), 0.75).double()).move
    tensor([-0.2500], dtype=torch.float64)
    """

    step: Step
    optimizer: str
    start: OptimizerStep
    after: Float64[Tensor, " weights"]
    loss_scale: float | None = None

    @property
    def move(self) -> Float64[Tensor, " weights"]:
        """What the step added to the weights."""
        return self.after - self.start.weight.double()


class StepReader:
    """Reads recorded steps of one parameter: single weights, each by a few small reads.

    Arguments:
        location: the run's folder or address.
        parameter: whose weights.

    >>> StepReader("memory://nothing", Parameter("w", (2,), "float32")).steps()
    ()
    """

    def __init__(self, location: str, parameter: Parameter) -> None:
        self._store, self._parameter = open_store(location), parameter
        self._files = SnapshotReader(self._store)

    def steps(self) -> tuple[Step, ...]:
        """The steps in which an optimizer moved the parameter, of those kept in full."""
        return tuple(step for step in kept_steps(self._store, extra=True) if self._moved(step))

    def idle_steps(self) -> tuple[Step, ...]:
        """The steps kept in full that did not move the parameter: another optimizer's."""
        return tuple(step for step in kept_steps(self._store, extra=True) if not self._moved(step))

    def choose(self, step: Any) -> Step:
        """The kept step that is meant; negative ones count from the last.

        Raises:
            StepNotKeptError: this step is not kept in full; the message names the nearest ones.
        """
        return choose_step(step, self.steps(), f"update of {self._parameter.name}")

    def read(self, step: Step, places: slice) -> RecordedStep:
        """Weights at row-major places, in one kept step.

        Raises:
            StepNotKeptError: the step is not kept, or not any more.
        """
        try:
            return self._read(step, places)
        except FileNotFoundError:
            raise StepNotKeptError(f"the snapshot at step {step} was thinned out; ask again") from None

    def _read(self, step: Step, places: slice) -> RecordedStep:
        name, file, header = self._parameter.name, extra_name(step), self._files.header(extra_name(step))
        names = (*header.entries, *header.metadata)  # a name in the metadata shares another one's bytes
        keys = {key.removeprefix(f"{name}@") for key in names if key.startswith(f"{name}@")}
        found = {
            key: self._pick(file, f"{name}@{key}", places, any_shape=key not in BESIDE_STATE)
            for key in sorted(keys)
        }
        update, gradient = found.pop("update"), found.pop("gradient", None)
        left = found.pop("backward_gradient", None)
        weight = self._pick(snapshot_name(step), name, places)
        facts = read_step_facts(header.metadata, f"{self._store.location}/{file}")
        optimizer, options = facts.optimizer, facts.options.get(name, {})
        try:
            check_options(optimizer, options)
            check_state(optimizer, found, weight)
        except ValueError as error:
            raise RunFormatError(f"{self._store.location}/{file} is damaged: {error}") from None
        if optimizer == "AdamW":  # torch said so in the options only from 2.7 on
            options = {"decoupled_weight_decay": True, **options}
        start = OptimizerStep(weight, gradient, found, options, left)
        after = self._after(step, places, weight, update)
        return RecordedStep(step, optimizer, start, after, facts.loss_scale)

    def _after(self, step: Step, places: slice, weight: Tensor, update: Tensor) -> Tensor:
        moved = weight.double() + update.double()
        try:
            after = self._pick(snapshot_name(step + 1), self._parameter.name, places)
        except FileNotFoundError:
            return moved
        # the weights may have been changed between two steps, which is none of the optimizer's business
        return torch.where(after - weight == update, after.double(), moved)

    def _pick(self, file: str, key: str, places: slice, *, any_shape: bool = False) -> Tensor:
        """The tensor's elements at these places; the whole tensor if it may have another shape and does."""
        entry = self._files.header(file).find(key)
        if entry is not None and entry.shape == self._parameter.shape and places.stop - places.start == 1:
            found, element = self._files.elements([0], lambda _: file, key, places.start)
            if not found:
                raise FileNotFoundError(file)
            return element
        tensor = self._files.tensor(file, key)
        if tensor.shape == self._parameter.shape:
            return tensor.flatten()[places]
        if any_shape:
            return tensor
        raise RunFormatError(
            f"{self._store.location}/{file} is damaged: {key!r} has shape {tuple(tensor.shape)}, "
            f"expected {self._parameter.shape}"
        )

    def _moved(self, step: Step) -> bool:
        try:
            return self._files.header(extra_name(step)).find(f"{self._parameter.name}@update") is not None
        except FileNotFoundError:
            return False
