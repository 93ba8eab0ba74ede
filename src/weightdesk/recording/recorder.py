"""Hangs on the optimizers and measures each step as they see it.

A step is measured in two halves: weights and gradients before, updates after. What runs at every
step is written out in few functions: there, straight after the processor's caches were filled with
something else, each further call costs microseconds.

Whatever goes wrong in here ends the recording and never the training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from weightdesk.recording.activations import ActivationMeter
from weightdesk.recording.agenda import Agenda
from weightdesk.recording.backwardgradients import BackwardGradients
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.gradients import local, loss_scale, seen_gradient
from weightdesk.recording.meter import Batch, StepMeter
from weightdesk.recording.notes import Notes
from weightdesk.recording.passes import PassMeter
from weightdesk.recording.sampling import Sampler
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.stephooks import StepHooks
from weightdesk.recording.strides import Strides
from weightdesk.recording.subject import Subject
from weightdesk.recording.tables import MetricsRow
from weightdesk.recording.warning import warn
from weightdesk.recording.writer import Writer
from weightdesk.types import Kind, ParameterName, Step

_HEAD_START: Final = 0.15
"""Seconds that `watch` may wait for the initial weights to be written, lest that slows the first step."""


class Recorder:
    """Measures every step of a subject's optimizers and hands the results to a writer.

    Arguments:
        subject: what is recorded.
        writer: takes what was measured.
        budget: says how often statistics and snapshots can be afforded.
        schedule: says which steps get a snapshot.
        sampler: reads the sampled weights.
        kinds: which statistics to take.
        notes: told what is left out on the way.
        scaler: that scales the loss.

    """

    def __init__(
        self,
        subject: Subject,
        writer: Writer,
        budget: CostBudget,
        schedule: SnapshotSchedule,
        sampler: Sampler,
        kinds: frozenset[Kind],
        notes: Notes,
        scaler: GradScaler | None = None,
    ) -> None:
        self.step: Step = 0
        self.stopped: str | None = None
        self._subject, self._writer, self._budget = subject, writer, budget
        self._every, self._sampler, self._scaler = schedule.every, sampler, scaler
        self._observes_modules = "activation" in kinds and not subject.compiled
        rank, together = subject.rank, len(subject.optimizers)
        self._agenda = Agenda(budget, schedule, together, alike=rank.sharded, sparsest=writer.strides)
        self._meter = StepMeter(kinds, notes)
        self._activations = ActivationMeter(subject.model, writer.add_statistics, self._attempt, notes)
        self._backward = BackwardGradients(subject.parameters if rank.is_alone else {}, self._attempt)
        self._passes = (
            None
            if subject.compiled
            else PassMeter(
                subject.model, writer.add_pass, self._attempt, lambda: self.step, self._left_over, notes
            )
        )
        self._moved = {id(optimizer): subject.moved_by(optimizer) for optimizer in subject.optimizers}
        self._sampled = [subject.parameters[name] for name in sampler.places]
        self._sampled_moved = {
            optimizer: [moved.get(name) for name in sampler.places]
            for optimizer, moved in self._moved.items()
        }
        self._last_moved: Sequence[Tensor | None] = []
        self._left: npt.NDArray[np.float64] | None = (
            None  # sampled gradients after the last step, if asked for
        )
        self._next_look: Step = 0
        self._eventful = False
        self._snapshot: Snapshot | None = None
        self._row = MetricsRow(0, 0.0, {})
        self._began = time.perf_counter()
        self._stepping: Optimizer | None = None  # the outermost one whose step is under way
        self._has_gradients = False  # whether its gradients are final
        self._batches: list[Batch] = []  # statistics of this step
        self._hooks: StepHooks | None = None
        self._initial: Snapshot | None = None

    def attach(self) -> None:
        """Keep the initial weights and begin to watch."""
        began = self._budget.clock()
        self._initial = Snapshot(self._subject, 0)
        self._expect(self._budget.clock() - began)
        self._writer.add_snapshot(self._initial)
        self._initial.reserve(self._subject.parameters)
        self._meter.reserve({name: local(each) for name, each in self._subject.parameters.items()})
        self._writer.wait(allowed=0, patience=_HEAD_START)
        self._hooks = StepHooks(self._subject.optimizers, self)
        self._budget.charge("start", self._budget.clock() - began)
        self._look_ahead()

    def _expect(self, copying: float) -> None:
        """Estimate what comes from the time that it took to copy the weights; factors measured on an MLP."""
        parameters, modules = len(self._subject.parameters), sum(1 for _ in self._subject.model.modules())
        values = sum(map(len, self._sampler.places.values()))
        # weights, gradients, updates and two states; writing takes twice as long as copying
        self._budget.expect("snapshot", 5 * copying, 10 * copying)
        rows = 3 * parameters + modules
        self._budget.expect("statistics", 3 * copying + 5e-5 * rows, 3e-3 + 2e-5 * rows)
        self._budget.expect("sampling", 3e-5 + 3e-7 * values, 2e-7 * values)

    def detach(self) -> None:
        """Take every hook off."""
        self._activations.stop()
        self._backward.stop()
        if self._passes is not None:
            self._passes.detach()
        if self._hooks is not None:
            self._hooks.detach()

    def finish(self) -> None:
        """Hand over what is left: the last row of metrics and the last weights."""
        self.detach()
        self._attempt("other", self._close_row)
        self._attempt("snapshot", lambda: self._writer.add_snapshot(self._take_snapshot(is_last=True)))

    @property
    def strides(self) -> Strides:
        """At every how many rounds of steps each table has rows."""
        return Strides(self._agenda.longest, dict(self._writer.strides))

    def log(self, values: dict[str, float | Tensor]) -> None:
        """Keep scalars of the present step, in the first process; those on a device are fetched later."""
        if self.stopped is not None or self._subject.rank.number:
            return
        if self._row.step == self.step:
            self._row.values.update(values)
        else:
            self._close_row()
            self._row = MetricsRow(self.step, time.perf_counter() - self._began, values)

    def stop(self, error: BaseException) -> None:
        """End the recording because of an error in it; the training goes on."""
        if self.stopped is None:
            self.stopped = f"{type(error).__name__}: {error}"
            self.detach()
            warn(f"weightdesk stopped recording at step {self.step}: {self.stopped}; training goes on")

    def before_step(self, optimizer: Optimizer, *, final: bool) -> None:
        """First half: weights and gradients as the optimizer is about to use them."""
        began = self._budget.clock()
        self._stepping, self._batches, self._has_gradients = optimizer, [], final
        if self._writer.error is not None:
            self.stop(self._writer.error)
        elif self._agenda.samples(self.step):
            try:
                self._sample(optimizer)
            except Exception as error:  # the training must go on whatever it is
                self.stop(error)
            self._budget.sampled += 1
            self._budget.sampling += self._budget.clock() - began
        else:
            self._budget.other += self._budget.clock() - began
        if self._eventful:
            if self._agenda.statistics:
                self._attempt("statistics", self._measure_before, optimizer)
            if self._agenda.snapshot and self._may_wait_for_writer():
                self._attempt("snapshot", self._open_snapshot)
            if final:
                self._attempt("snapshot", self._add_gradients, optimizer)

    def final_gradients(self, optimizer: Optimizer) -> None:
        """Gradients that were computed or changed since the step began, as an optimizer uses them now."""
        self._has_gradients = True
        if self._agenda.samples(self.step):
            self._attempt("sampling", self._sample_again, optimizer)
        if self._eventful:
            if self._agenda.statistics:
                self._attempt("statistics", self._measure_gradients, optimizer)
            self._attempt("snapshot", self._add_gradients, optimizer)

    def _sample(self, optimizer: Optimizer) -> None:
        self._sampler.read(self.step, *self._sampled_tensors(optimizer))

    def _sample_again(self, optimizer: Optimizer) -> None:
        moved, outermost = self._moved[id(optimizer)], self._stepping or optimizer
        self._sampler.read_gradients_again(self.step, *self._sampled_tensors(outermost), moved)

    def _sampled_tensors(self, optimizer: Optimizer) -> tuple[Sequence[Tensor], Sequence[Tensor | None]]:
        """The sampled parameters, and the gradients of those that an optimizer moves."""
        moved = self._sampled_moved[id(optimizer)]
        if not self._subject.rank.sharded and getattr(optimizer, "grad_scale", None) is None:
            weights: Sequence[Tensor] = self._sampled
            gradients = [None if each is None else each.grad for each in moved]
        else:
            weights = [local(each) for each in self._sampled]
            seen = [None if each is None else seen_gradient(each, optimizer) for each in moved]
            gradients = [None if each is None else local(each) for each in seen]
        return weights, gradients

    def _gradients(self, optimizer: Optimizer) -> dict[ParameterName, Tensor]:
        """Gradients as the optimizer is about to use them, of the parameters that have one."""
        seen = {name: seen_gradient(each, optimizer) for name, each in self._moved[id(optimizer)].items()}
        return {name: gradient for name, gradient in seen.items() if gradient is not None}

    def _measure_before(self, optimizer: Optimizer) -> None:
        self._batches = self._meter.before(
            self.step, _local(self._moved[id(optimizer)]), _local(self._gradients(optimizer))
        )

    def _measure_gradients(self, optimizer: Optimizer) -> None:
        present = self._meter.gradients(self.step, _local(self._gradients(optimizer)))
        renewed = self._moved[id(optimizer)].keys()
        kept = [batch.without(renewed) if batch.kind == "gradient" else batch for batch in self._batches]
        self._batches = [batch for batch in (*kept, *present) if batch.names]

    def _measure_after(self, optimizer: Optimizer) -> None:
        self._batches += self._meter.after(self.step, _local(self._moved[id(optimizer)]))
        for batch in self._batches:
            self._writer.add_statistics(batch)

    def _take_snapshot(self, *, is_last: bool = False) -> Snapshot:
        if self._writer.is_behind:
            self._writer.wait()
        return Snapshot(self._subject, self.step, is_last=is_last)

    def _open_snapshot(self) -> None:
        initial, self._initial = self._initial, None
        if initial is not None and initial.still_holds(self._subject):
            self._snapshot = initial.again()  # kept already without gradients; its copies are still good
        else:
            self._snapshot = self._take_snapshot()

    def _add_gradients(self, optimizer: Optimizer) -> None:
        """Add to the snapshot what an optimizer is about to use; what an outer one saw is replaced."""
        if self._snapshot is None:
            return
        moved, scale = self._moved[id(optimizer)], loss_scale(optimizer, self._scaler)
        self._snapshot.before(moved, self._gradients(optimizer), optimizer, self._backward.take(moved), scale)

    def _close_snapshot(self, optimizer: Optimizer, snapshot: Snapshot) -> None:
        snapshot.after(self._moved[id(optimizer)])
        self._writer.add_snapshot(snapshot)

    def after_step(self, optimizer: Optimizer) -> None:
        """Second half: what the optimizer did."""
        if self._eventful and self._has_gradients:
            if self._agenda.statistics:
                self._attempt("statistics", self._measure_after, optimizer)
            if self._snapshot is not None:
                self._attempt("snapshot", self._close_snapshot, optimizer, self._snapshot)
            self._backward.take(self._moved[id(optimizer)])  # what no snapshot took is over with this step
        self._stepping, self._batches = None, []
        self.step += 1
        self._budget.steps += 1
        self._last_moved = self._sampled_moved[id(optimizer)]
        if self._eventful or self.step >= self._next_look:
            self._attempt("statistics" if self._eventful else "other", self._look_ahead)

    def _look_ahead(self) -> None:
        """Decide whether the next step gets statistics or a snapshot, and hook what these need."""
        self._budget.settle()
        self._activations.stop(stepped=self.step > 0)
        if self._passes is not None and self._eventful:
            self._passes.stop()
        self._snapshot = None
        self._eventful = False
        if self.step >= self._next_look:
            self._next_look = self._agenda.look_at(self.step)
            self._eventful = self._agenda.statistics or self._agenda.snapshot
            if self._agenda.statistics and self._observes_modules:
                self._activations.start(self.step)
            if self._agenda.statistics and self._passes is not None and self._writer.has_time_for_passes:
                self._left = self._sampled_gradients(self._last_moved)
                self._passes.start()
        if self._eventful and self._agenda.snapshot:
            self._backward.listen(SpareMemory() if self._initial is None else self._initial.spare)
        else:
            self._backward.stop()

    def adopts(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer that was met on the way moves the model, as the ones watched did."""
        moved = self._subject.moved_by(optimizer)
        if not moved or self.stopped is not None:
            return False
        self._moved[id(optimizer)] = moved
        self._sampled_moved[id(optimizer)] = [moved.get(name) for name in self._sampler.places]
        return True

    def _left_over(self) -> bool | None:
        """Whether the gradients that the last step used are still there; None where nobody knows."""
        left, now = self._left, self._sampled_gradients(self._sampled)
        if left is None or now is None or np.isinf(left).any() or np.isinf(now).any():
            return None
        return bool(np.nan_to_num(now).any()) and np.array_equal(now, left, equal_nan=True)

    def _sampled_gradients(self, parameters: Sequence[Tensor | None]) -> npt.NDArray[np.float64] | None:
        """Gradients of the sampled weights as they are now, NaN where there are none."""
        if self._subject.rank.sharded:
            return None
        return self._sampler.gradients_now([None if each is None else each.grad for each in parameters])

    def _may_wait_for_writer(self) -> bool:
        """A snapshot that nobody relies on is left out rather than waited for."""
        return self._every is not None or self._subject.rank.sharded or not self._writer.is_behind

    def _close_row(self) -> None:
        if self._row.values:
            self._writer.add_metrics(self._row)
            self._row = MetricsRow(self.step, 0.0, {})

    def _attempt(self, activity: str, action: Callable[..., object], *arguments: Any) -> None:
        """Do something on recording's account; an error in it ends the recording."""
        if self.stopped is None:
            began = self._budget.clock()
            try:
                action(*arguments)
            except Exception as error:  # the training must go on whatever it is
                self.stop(error)
            self._budget.charge(activity, self._budget.clock() - began)


def _local(tensors: Mapping[ParameterName, Tensor]) -> dict[ParameterName, Tensor]:
    return {name: local(tensor) for name, tensor in tensors.items()}
