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
from weightdesk.runs.format import BESIDE_STATE
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.snapshotfolder import SnapshotFolder
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
        self._snapshots = SnapshotFolder(self._store)

    def steps(self) -> tuple[Step, ...]:
        """The steps in which an optimizer moved the parameter, of those kept in full."""
        return self._snapshots.steps_with(f"{self._parameter.name}@update")

    def idle_steps(self) -> tuple[Step, ...]:
        """The steps kept in full that did not move the parameter: another optimizer's."""
        moved = set(self.steps())
        return tuple(step for step in self._snapshots.extra_steps(self._parameter.name) if step not in moved)

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
        name = self._parameter.name
        found = {
            key: self._pick(step, f"{name}@{key}", places, any_shape=key not in BESIDE_STATE)
            for key in self._snapshots.keys(step, name)
        }
        update, gradient = found.pop("update"), found.pop("gradient", None)
        left = found.pop("backward_gradient", None)
        weight = self._pick(step, name, places)
        facts = self._snapshots.facts(step)
        optimizer, options = facts.optimizer, facts.options.get(name, {})
        try:
            check_options(optimizer, options)
            check_state(optimizer, found, weight)
        except ValueError as error:
            raise RunFormatError(f"{self._location(step)} is damaged: {error}") from None
        if optimizer == "AdamW":  # torch said so in the options only from 2.7 on
            options = {"decoupled_weight_decay": True, **options}
        start = OptimizerStep(weight, gradient, found, options, left)
        after = self._after(step, places, weight, update)
        return RecordedStep(step, optimizer, start, after, facts.loss_scale)

    def _after(self, step: Step, places: slice, weight: Tensor, update: Tensor) -> Tensor:
        moved = weight.double() + update.double()
        try:
            after = self._pick(step + 1, self._parameter.name, places)
        except FileNotFoundError:
            return moved
        # the weights may have been changed between two steps, which is none of the optimizer's business
        return torch.where(after - weight == update, after.double(), moved)

    def _pick(self, step: Step, key: str, places: slice, *, any_shape: bool = False) -> Tensor:
        """The tensor's elements at these places; the whole tensor if it may have another shape and does."""
        is_like = self._snapshots.find(step, key).entry.shape == self._parameter.shape
        if is_like and places.stop - places.start == 1:
            return self._snapshots.element(step, key, places.start)
        tensor = self._snapshots.tensor(step, key)
        if is_like:
            return tensor.flatten()[places]
        if any_shape:
            return tensor
        raise RunFormatError(
            f"{self._location(step)} is damaged: {key!r} has shape {tuple(tensor.shape)}, "
            f"expected {self._parameter.shape}"
        )

    def _location(self, step: Step) -> str:
        return f"{self._store.location}/{self._snapshots.extra_file(step)}"
