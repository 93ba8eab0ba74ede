"""Hangs on the optimizers and measures each step as they see it.

A step is measured in two halves: weights and gradients before, updates after. What runs at every
step is written out in few functions: there, straight after the processor's caches were filled with
something else, each further call costs microseconds.

Whatever goes wrong in here ends the recording and never the training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from weightdesk.recording.activations import ActivationMeter
from weightdesk.recording.agenda import Agenda
from weightdesk.recording.backwardgradients import BackwardGradients
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.copies import SpareMemory, same_bits
from weightdesk.recording.endings import describe_error
from weightdesk.recording.gradients import local, loss_scale, seen_gradient
from weightdesk.recording.meter import StepMeter
from weightdesk.recording.passes import PassMeter
from weightdesk.recording.sampling import Sampler, pick
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.stephooks import StepHooks
from weightdesk.recording.subject import Subject
from weightdesk.recording.tables import MetricsRow
from weightdesk.recording.warning import warn
from weightdesk.recording.writer import GLANCE, Writer
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
        scaler: GradScaler | None = None,
    ) -> None:
        self.step: Step = 0
        self.stopped: str | None = None
        self.when_stopped: Callable[[str], object] | None = None
        self._subject, self._writer, self._budget = subject, writer, budget
        self._every, self._sampler, self._scaler = schedule.every, sampler, scaler
        # a compiled graph is guarded by the number of hooks on its modules: each change compiles it again
        self._hooks_modules = "activation" in kinds and not subject.compiled
        rank, together = subject.rank, len(subject.optimizers)
        self._agenda = Agenda(budget, schedule, together, alike=rank.sharded)
        self._meter = StepMeter(kinds)
        self._activations = ActivationMeter(subject.model, writer.add_statistics, self._attempt)
        self._backward = BackwardGradients(subject.parameters if rank.is_alone else {}, self._attempt)
        self._passes = (
            None
            if subject.compiled
            else PassMeter(subject.model, writer.add_pass, self._attempt, lambda: self.step, self._left_over)
        )
        self._moved = {id(optimizer): subject.moved_by(optimizer) for optimizer in subject.optimizers}
        self._sampled = [subject.parameters[name] for name in sampler.places]
        self._sampled_moved = {
            optimizer: [moved.get(name) for name in sampler.places]
            for optimizer, moved in self._moved.items()
        }
        self._next_look: Step = 0
        self._eventful = False
        self._snapshot: Snapshot | None = None
        self._row = MetricsRow(0, 0.0, {})
        self._began = time.perf_counter()
        self._hooks: StepHooks | None = None
        self._initial: Snapshot | None = None

    def attach(self) -> None:
        """Keep the initial weights and begin to watch."""
        self._initial = Snapshot(self._subject, 0)
        self._writer.add_snapshot(self._initial)
        self._initial.reserve(self._subject.parameters)
        self._meter.reserve({name: local(each) for name, each in self._subject.parameters.items()})
        self._writer.wait(allowed=0, patience=_HEAD_START)
        self._hooks = StepHooks(
            self._subject.optimizers,
            self._before_step,
            self._after_step,
            self._adopt,
            self.stop,
            self._break_off,
        )
        self._look_ahead()

    def detach(self) -> None:
        """Take every hook off."""
        passes = [] if self._passes is None else [self._passes.detach]
        steps = [] if self._hooks is None else [self._hooks.detach]
        for detach in [*steps, self._activations.stop, self._backward.stop, *passes]:
            try:
                detach()
            except Exception as error:  # one that stays must not keep the others
                self.stopped = self.stopped or describe_error(error)

    def finish(self, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Hand over what is left: the last row of metrics and the last weights.

        Arguments:
            gives_up: asked again and again whether to wait no longer for a writer that is behind.
        """
        is_broken_off = self._hooks is not None and self._hooks.is_within_step
        self.detach()
        self._attempt("other", self._close_row)
        if is_broken_off:
            self._attempt("other", self._break_off)
        while self.stopped is None and self._writer.is_behind and not gives_up():
            self._writer.wait(patience=GLANCE)
        self._attempt("snapshot", self._keep_last)

    def _keep_last(self) -> None:
        self._writer.add_snapshot(Snapshot(self._subject, self.step, is_last=True))

    def release(self) -> None:
        """Take every hook off and let go of the model, the copies and the writer, whoever holds this."""
        self.detach()
        step, stopped = self.step, self.stopped or "released"
        vars(self).clear()
        self.step, self.stopped = step, stopped

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
        if self.stopped is not None:
            return
        self.stopped = describe_error(error)
        try:
            self.detach()
            warn(f"weightdesk stopped recording at step {self.step}: {self.stopped}; training goes on")
            if self.when_stopped is not None:
                self.when_stopped(self.stopped)
        except Exception:  # such as a lack of memory, once more: there is nothing left to do about it
            return

    def _before_step(self, optimizer: Optimizer) -> None:
        """First half: weights and gradients as the optimizer is about to use them."""
        began = time.perf_counter()
        try:
            self._sample(optimizer)
            self._budget.other += time.perf_counter() - began
            if self._eventful:
                if self._agenda.statistics:
                    self._attempt("statistics", self._measure_before, optimizer)
                if self._agenda.snapshot and self._may_wait_for_writer():
                    self._attempt("snapshot", self._open_snapshot, optimizer)
        except Exception as error:  # the training must go on whatever it is
            self.stop(error)

    def _sample(self, optimizer: Optimizer) -> None:
        if self._writer.error is not None:
            raise self._writer.error
        moved = self._sampled_moved[id(optimizer)]
        if not self._subject.rank.sharded and getattr(optimizer, "grad_scale", None) is None:
            weights: Sequence[Tensor] = self._sampled
            gradients = [None if each is None else each.grad for each in moved]
        else:
            weights = [local(each) for each in self._sampled]
            seen = [None if each is None else seen_gradient(each, optimizer) for each in moved]
            gradients = [None if each is None else local(each) for each in seen]
        self._sampler.read(self.step, weights, gradients)

    def _gradients(self, optimizer: Optimizer) -> dict[ParameterName, Tensor]:
        """Gradients as the optimizer is about to use them, of the parameters that have one."""
        seen = {name: seen_gradient(each, optimizer) for name, each in self._moved[id(optimizer)].items()}
        return {name: gradient for name, gradient in seen.items() if gradient is not None}

    def _measure_before(self, optimizer: Optimizer) -> None:
        shards = {name: local(each) for name, each in self._gradients(optimizer).items()}
        for batch in self._meter.before(self.step, _local(self._moved[id(optimizer)]), shards):
            self._writer.add_statistics(batch)

    def _measure_after(self, optimizer: Optimizer) -> None:
        for batch in self._meter.after(self.step, _local(self._moved[id(optimizer)])):
            self._writer.add_statistics(batch)

    def _take_snapshot(self) -> Snapshot:
        if self._writer.is_behind:
            self._writer.wait()
        return Snapshot(self._subject, self.step)

    def _open_snapshot(self, optimizer: Optimizer) -> None:
        initial, self._initial = self._initial, None
        if initial is not None and initial.still_holds(self._subject):
            self._snapshot = initial.again()  # kept already without gradients; its copies are still good
        else:
            self._snapshot = self._take_snapshot()
        moved, scale = self._moved[id(optimizer)], loss_scale(optimizer, self._scaler)
        left = self._backward.take(moved)
        self._snapshot.before(moved, self._gradients(optimizer), optimizer, left, scale)

    def _close_snapshot(self, optimizer: Optimizer, snapshot: Snapshot) -> None:
        snapshot.after(self._moved[id(optimizer)])
        self._writer.add_snapshot(snapshot)

    def _break_off(self) -> None:
        """A step began and did not end, by Ctrl-C or an error of the optimizer; it counts if weights moved.

        Else what it left would be taken for the weights before it. These are kept without an update.
        """
        if self._has_moved():
            if self._snapshot is not None:
                self._snapshot.extra.clear()
                self._writer.add_snapshot(self._snapshot)
            self.step += 1
            self._look_ahead()

    def _has_moved(self) -> bool:
        """Whether weights differ from those before the step, as far as these were copied."""
        if self._snapshot is not None:
            copies = self._snapshot.tensors
            return not all(
                same_bits(copies[name], local(each).cpu()) for name, each in self._subject.parameters.items()
            )
        before = self._sampler.last_weights()
        pairs = zip(self._sampled, self._sampler.places.values(), strict=True)
        now = [pick(local(each), torch.from_numpy(places)) for each, places in pairs]
        return before is None or not np.array_equal(torch.cat(now).numpy(), before, equal_nan=True)

    def _after_step(self, optimizer: Optimizer, begun: bool) -> None:
        """Second half: what the optimizer did."""
        try:
            if begun and self._eventful:
                if self._agenda.statistics:
                    self._attempt("statistics", self._measure_after, optimizer)
                if self._snapshot is not None:
                    self._attempt("snapshot", self._close_snapshot, optimizer, self._snapshot)
            if self._eventful:
                self._backward.take(
                    self._moved[id(optimizer)]
                )  # what no snapshot took is over with this step
        except Exception as error:  # the training must go on whatever it is
            self.stop(error)
        finally:  # after Ctrl-C, too: the step is done
            self.step += 1
        self._budget.steps += 1
        if self._eventful or self.step >= self._next_look:
            self._attempt("statistics" if self._eventful else "other", self._look_ahead)

    def _look_ahead(self) -> None:
        """Decide whether the next step gets statistics or a snapshot, and hook what these need."""
        self._budget.settle()
        self._activations.stop()
        if self._passes is not None and self._eventful:
            self._passes.stop()
        self._snapshot = None
        self._eventful = False
        if self.step >= self._next_look:
            self._next_look = self._agenda.look_at(self.step)
            self._eventful = self._agenda.statistics or self._agenda.snapshot
            if self._agenda.statistics and self._hooks_modules:
                self._activations.start(self.step)
            if self._agenda.statistics and self._passes is not None:
                self._passes.start()
        if self._eventful and self._agenda.snapshot:
            self._backward.listen(SpareMemory() if self._initial is None else self._initial.spare)
        else:
            self._backward.stop()

    def _adopt(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer that was met on the way moves the model, as the ones watched did."""
        moved = self._subject.moved_by(optimizer)
        if not moved or self.stopped is not None:
            return False
        self._moved[id(optimizer)] = moved
        self._sampled_moved[id(optimizer)] = [moved.get(name) for name in self._sampler.places]
        return True

    def _left_over(self) -> bool | None:
        """Whether the gradients that the last step used are still there; None where nobody knows."""
        last = self._sampler.last_gradients()
        if last is None or self._subject.rank.sharded:
            return None
        now = [
            torch.full((len(places),), torch.nan).double()
            if each.grad is None
            else pick(each.grad, torch.from_numpy(places))
            for each, places in zip(self._sampled, self._sampler.places.values(), strict=True)
        ]
        there = torch.cat(now).numpy()
        if np.isinf(last).any() or np.isinf(there).any():
            return None
        return bool(np.nan_to_num(there).any()) and np.array_equal(there, last, equal_nan=True)

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
            began = time.perf_counter()
            try:
                action(*arguments)
                self._budget.charge(activity, time.perf_counter() - began)
            except Exception as error:  # the training must go on whatever it is
                self.stop(error)


def _local(parameters: dict[ParameterName, nn.Parameter]) -> dict[ParameterName, Tensor]:
    return {name: local(parameter) for name, parameter in parameters.items()}
