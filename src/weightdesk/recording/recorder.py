"""Hangs on the optimizers and measures each step as they see it.

A step is measured in two halves: weights and gradients before, updates after. What runs at every
step is written out in few functions: there, straight after the processor's caches were filled with
something else, each further call costs microseconds.

Whatever goes wrong in here ends the recording and never the training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from weightdesk.recording.activations import ActivationMeter
from weightdesk.recording.agenda import Agenda
from weightdesk.recording.backwardgradients import BackwardGradients
from weightdesk.recording.budget import CostBudget, expect_costs
from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.endings import describe_error
from weightdesk.recording.gradients import local, loss_scale
from weightdesk.recording.meter import Batch, StepMeter
from weightdesk.recording.notes import Notes
from weightdesk.recording.optimized import OptimizedParameters
from weightdesk.recording.passes import PassMeter
from weightdesk.recording.sampling import FormChangedError, Sampler
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.spool import Spool
from weightdesk.recording.stephooks import StepHooks
from weightdesk.recording.stepsampler import StepSampler
from weightdesk.recording.streaming import Part, StreamedSnapshot
from weightdesk.recording.strides import Strides
from weightdesk.recording.subject import Subject
from weightdesk.recording.warning import warn
from weightdesk.recording.writer import GLANCE, Writer
from weightdesk.runs.manifest import Manifest
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
        manifest: kept up to date while the parameters change.
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
        manifest: Manifest,
        notes: Notes,
        scaler: GradScaler | None = None,
    ) -> None:
        self.step: Step = 0
        self.stopped: str | None = None
        self.when_stopped: Callable[[str], object] | None = None
        self._parameters = OptimizedParameters(subject, sampler, manifest, notes)
        self._sampled = StepSampler(sampler, self._parameters, manifest, notes)
        self._writer, self._budget = writer, budget
        self._every, self._scaler = schedule.every, scaler
        self._observes_modules = "activation" in kinds and not subject.compiled
        rank, together = subject.rank, len(subject.optimizers)
        self._agenda = Agenda(budget, schedule, together, alike=rank.sharded, sparsest=writer.strides)
        self._meter = StepMeter(kinds, notes)
        self._activations = ActivationMeter(subject.model, writer.add_statistics, self._attempt, notes)
        called = None if subject.compiled else subject.model
        alone = subject.parameters if rank.is_alone else {}
        self._backward = BackwardGradients(
            alone, lambda _, *action: self._attempt(self._snapshot_activity, *action), called
        )
        self._passes = None if called is None else PassMeter(
            called, writer.passes.add, self._attempt, lambda: self.step,
            self._sampled.are_gradients_left, notes,
        )  # fmt: skip
        self._next_look: Step = 0
        self._next_sample: Step = 0
        self._eventful = False
        self._snapshot: Snapshot | StreamedSnapshot | None = None
        self._takes_snapshot = False  # of this step
        self._part: Part | None = None  # parameters to which the cost budget limits its round
        self._snapshot_activity = "snapshot"  # or "part", for the budget
        self._stepping: Optimizer | None = None  # the outermost one whose step is under way
        self._samples = False  # whether it is sampled
        self._has_gradients = False  # whether its gradients are final
        self._batches: list[Batch] = []  # statistics of this step
        self._hooks: StepHooks | None = None
        self._initial: Snapshot | StreamedSnapshot | None = None
        self._spool: Spool | None = None  # for the gradients of a large model

    def attach(self) -> None:
        """Keep the initial weights and begin to watch."""
        began = self._budget.clock()
        self._initial = self._writer.keeper.take(self._subject, 0)
        copying, streams = self._budget.clock() - began, isinstance(self._initial, StreamedSnapshot)
        expect_costs(self._budget, self._subject, self._sampled.count, copying, is_divisible=streams)
        self._writer.add_snapshot(self._initial)
        if isinstance(self._initial, Snapshot):
            mine = self._subject.recorded_by_this(self._subject.parameters)
            self._initial.reserve(mine)
            self._meter.reserve(_local(mine))
        else:
            self._meter.spool, self._spool = self._writer.keeper.spool(), self._writer.keeper.spool()
        self._writer.wait(allowed=0, patience=_HEAD_START)
        if self._budget.share != 0 and self._writer.keeper.keep_every_step(self._subject):
            self._budget.allow_every_step()
            self._backward.hooks_parameters = True
        self._hooks = StepHooks(self._subject.optimizers, self)
        self._budget.charge("start", self._budget.clock() - began)
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
        """Hand over what is left: the last weights.

        Arguments:
            gives_up: asked again and again whether to wait no longer for a writer that is behind.
        """
        is_broken_off = self._hooks is not None and self._hooks.is_within_step
        if self._hooks is not None and not self.step:
            self._attempt("other", self._parameters.note_other_steps, self._hooks.others)
        self.detach()
        if is_broken_off:
            self._attempt("other", self.break_off)
        self._sampled.end_step()
        while self.stopped is None and not self._writer.wait(patience=GLANCE) and not gives_up():
            pass
        self._attempt("snapshot", self._keep_last)

    def release(self) -> None:
        """Take every hook off and let go of the model, the copies and the writer, whoever holds this."""
        self.detach()
        step, stopped = self.step, self.stopped or "released"
        vars(self).clear()
        self.step, self.stopped = step, stopped

    @property
    def strides(self) -> Strides:
        """At every how many rounds of steps each table has rows."""
        return Strides(self._agenda.longest, dict(self._writer.strides), self._agenda.put_off)

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

    def before_step(self, optimizer: Optimizer, *, final: bool) -> None:
        """First half: weights and gradients as the optimizer is about to use them."""
        self._stepping, self._has_gradients = optimizer, final
        self._samples = self.step >= self._next_sample
        if not (self._samples or self._eventful or self._writer.error):
            return  # as at most steps
        began, self._batches = self._budget.clock(), []
        if self._eventful and not self._samples:
            self._attempt("other", self._follow_changes)
        if self._writer.error is not None:
            self.stop(self._writer.error)
        elif self._samples:
            try:
                self._follow_changes()
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
            if self._takes_snapshot and self._may_wait_for_writer():
                self._attempt(self._snapshot_activity, self._open_snapshot, optimizer)
            if final:
                self._attempt(self._snapshot_activity, self._add_gradients, optimizer)

    def final_gradients(self, optimizer: Optimizer) -> None:
        """Gradients that were computed or changed since the step began, as an optimizer uses them now."""
        self._has_gradients = True
        if self._samples:
            outermost, moved = self._stepping or optimizer, self._parameters.of(optimizer)
            self._attempt("sampling", self._sampled.read_again, self.step, outermost, moved)
        if self._eventful:
            if self._agenda.statistics:
                self._attempt("statistics", self._measure_gradients, optimizer)
            self._attempt(self._snapshot_activity, self._add_gradients, optimizer)

    def _sample(self, optimizer: Optimizer) -> None:
        try:
            self._sampled.read(self.step, optimizer)
        except FormChangedError:
            self._take_in_changes()
            self._sampled.read(self.step, optimizer)

    def _measure_before(self, optimizer: Optimizer) -> None:
        if not self._parameters.of(optimizer):
            return  # other processes record what it moves
        gradients = _local(self._parameters.gradients(optimizer))
        self._batches = self._meter.before(self.step, _local(self._parameters.of(optimizer)), gradients)

    def _measure_gradients(self, optimizer: Optimizer) -> None:
        moved = self._parameters.of(optimizer)
        present = self._meter.gradients(self.step, _local(self._parameters.gradients(optimizer)))
        kept = [batch.without(moved) if batch.kind == "gradient" else batch for batch in self._batches]
        self._batches = [batch for batch in (*kept, *present) if batch.names]

    def _measure_after(self, optimizer: Optimizer) -> None:
        self._batches += self._meter.after(self.step, _local(self._parameters.of(optimizer)))
        for batch in self._batches:
            self._writer.add_statistics(batch)

    def _keep_last(self) -> None:
        self._writer.add_snapshot(self._writer.keeper.take(self._subject, self.step, is_last=True))

    def _open_snapshot(self, optimizer: Optimizer) -> None:
        initial, self._initial = self._initial, None
        if initial is not None and initial.step == self.step and initial.still_holds(self._subject):
            self._snapshot = initial.again()  # kept already without gradients; its weights are still good
        else:
            if self._writer.is_behind:
                self._writer.wait()
            self._snapshot = self._writer.keeper.begin(self._subject, self.step, self._part)
        self._snapshot.keep_weights(self._parameters.of(optimizer), optimizer)

    def _add_gradients(self, optimizer: Optimizer) -> None:
        """Add to the snapshot what an optimizer is about to use; what an outer one saw is replaced."""
        if self._snapshot is None:
            return
        moved, scale = self._parameters.of(optimizer), loss_scale(optimizer, self._scaler)
        left = self._backward.take(moved)
        self._snapshot.before(moved, self._parameters.gradients(optimizer), optimizer, left, scale)

    def _close_snapshot(self, optimizer: Optimizer, snapshot: Snapshot | StreamedSnapshot) -> None:
        snapshot.after(self._parameters.of(optimizer))
        if isinstance(snapshot, StreamedSnapshot) and self._part is not None:
            self._budget.note_part(snapshot.size)
        self._writer.add_snapshot(snapshot)

    def break_off(self) -> None:
        """A step began and did not end, by Ctrl-C or an error of the optimizer; it counts if weights moved.

        Else what it left would be taken for the weights before it. These are kept without an update.
        """
        if self._has_moved():
            if self._snapshot is not None:
                self._snapshot.drop_step()
                self._writer.add_snapshot(self._snapshot)
            self.step += 1
            self._look_ahead()

    def _has_moved(self) -> bool:
        """Whether weights differ from those before the step, as far as these were copied."""
        if self._snapshot is not None:
            # Buffers change in forward passes, of which there may have been one since.
            return not self._snapshot.still_holds(self._subject, buffers=False)
        return self._sampled.have_moved(is_read=self._samples)

    def after_step(self, optimizer: Optimizer) -> None:
        """Second half: what the optimizer did."""
        try:
            if self._eventful:
                self._measure_event(optimizer)
        except Exception as error:  # the training must go on whatever it is
            self.stop(error)
        finally:  # after Ctrl-C, too: the step is done
            self._stepping = None
            self.step += 1
        self._budget.steps += 1
        self._sampled.last_stepped = optimizer
        if self._samples:
            self._sampled.end_step()
            self._next_sample = self._agenda.next_sample(self.step)
        if self._eventful or self.step >= self._next_look:
            self._attempt("statistics" if self._eventful else "other", self._look_ahead)

    def _measure_event(self, optimizer: Optimizer) -> None:
        if self._has_gradients:
            if self._agenda.statistics:
                self._attempt("statistics", self._measure_after, optimizer)
            if self._snapshot is not None:
                self._attempt(self._snapshot_activity, self._close_snapshot, optimizer, self._snapshot)
            self._attempt("other", self._sampled.remember, self.step + 1)
        self._batches = []  # what no snapshot took of the gradients is over with this step
        self._backward.take(self._parameters.of(optimizer))

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
            self._next_sample = self._agenda.next_sample(self.step)
            self._choose_part()
            self._takes_snapshot = self._agenda.snapshot or bool(self._part)
            self._eventful = self._agenda.statistics or self._takes_snapshot
            if self._agenda.statistics and self._observes_modules:
                self._activations.start(self.step)
            if self._agenda.statistics and self._passes is not None and self._writer.passes.wants_step():
                self._sampled.note_left_gradients()
                self._passes.start()
        if self._eventful and self._takes_snapshot:
            self._backward.listen(self._gradient_memory(), self._part)
        else:
            self._backward.stop()

    def _choose_part(self) -> None:
        """Choose the parameters of the next step's snapshot if the cost budget allows no whole one."""
        if not self._agenda.part:
            self._part = None
        elif self._agenda.begins_part:
            moved = self._parameters.by_optimizer()
            self._part = self._writer.keeper.choose_part(self._subject, moved, self._agenda.part)
        self._snapshot_activity = "snapshot" if self._part is None else "part"

    def _follow_changes(self) -> None:
        """Take in parameters that joined, ended or were replaced since the last step that was looked at."""
        if self._parameters.has_changed():
            self._take_in_changes()

    def _take_in_changes(self) -> None:
        self._parameters.follow(self.step)
        subject = self._subject
        self._meter.forget_all_but(subject.parameters)
        self._activations.follow(subject.model)
        self._backward.follow(subject.parameters if subject.rank.is_alone else {})
        if self._passes is not None:
            self._passes.follow(subject.model)

    @property
    def _subject(self) -> Subject:
        return self._parameters.subject

    def adopts(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer that was met on the way moves the model, as the ones watched did."""
        return self.stopped is None and self._parameters.adopt(optimizer)

    def _gradient_memory(self) -> SpareMemory | Spool:
        if self._spool is not None:
            return self._spool
        return self._initial.spare if isinstance(self._initial, Snapshot) else SpareMemory()

    def _may_wait_for_writer(self) -> bool:
        """A snapshot that nobody relies on is left out rather than waited for."""
        return self._every is not None or self._subject.rank.sharded or not self._writer.is_behind

    def _attempt(self, activity: str, action: Callable[..., object], *arguments: Any) -> None:
        """Do something on recording's account; an error in it ends the recording."""
        if self.stopped is None:
            began = self._budget.clock()
            try:
                action(*arguments)
                self._budget.charge(activity, self._budget.clock() - began)
            except Exception as error:  # the training must go on whatever it is
                self.stop(error)


def _local(tensors: Mapping[ParameterName, Tensor]) -> dict[ParameterName, Tensor]:
    return {name: local(tensor) for name, tensor in tensors.items()}
