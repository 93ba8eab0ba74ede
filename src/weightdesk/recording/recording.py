"""What `watch` returns: the recording of a training under way."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, get_args

from torch.optim import Optimizer

from weightdesk.recording import openrecordings
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.endings import Status, describe_error, ending_of, one_line
from weightdesk.recording.ledger import Ledger, RunEnd
from weightdesk.recording.livecheck import LiveCheck
from weightdesk.recording.recorder import Recorder
from weightdesk.recording.replicas import ReplicaCheck
from weightdesk.recording.scalars import ScalarColumns
from weightdesk.recording.signals import HeldInterrupts, hold_interrupts
from weightdesk.recording.warning import warn
from weightdesk.recording.writer import Writer
from weightdesk.types import Step

_AT_SIGNAL = 5.0
"""Seconds that closing may take when a signal ends the process; what manages it kills it after ten."""


_LONGEST_LOG = 1e-3
"""Seconds of a call of `log` that count as taken by it, 40 times what it takes: beyond them the thread waits
for others. A clock of its processor time would not count that, but takes a sixth of the call to ask."""


class StepCounter:
    """Stands in for a recorder in a process that has nothing to record: it counts steps.

    Arguments:
        optimizers: whose steps count.
        check: whether process 0 records what this process trains, if that is not known.
    """

    stopped = None

    def __init__(self, optimizers: Sequence[Optimizer], check: ReplicaCheck | None = None) -> None:
        self.step: Step = 0
        self._check = check
        self._handles = [optimizer.register_step_post_hook(self._count) for optimizer in optimizers]

    def _count(self, *_: Any) -> None:
        self.step += 1
        if self._check is not None:
            self._check.look(self.step)

    def finish(self) -> None:
        """Take every hook off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._check is not None:
            self._check.close()

    def release(self) -> None:
        """Take every hook off; there is nothing else to let go of."""
        self.finish()


class Recording:
    """A training that is being recorded. Made by `watch`; a context manager that closes the run.

    A run that nobody closes is closed when the interpreter exits, when SIGTERM or SIGHUP ends the process,
    or when this process begins another run in its place. Once it is closed, the recording holds neither
    the model nor any copy of it. In a forked process it does nothing: the run is that of the process that
    began it.

    Attributes:
        directory: where the run is kept: the absolute path of a folder, or an address as it was given.
    """

    def __init__(
        self,
        directory: str,
        recorder: Recorder | StepCounter,
        writer: Writer | None = None,
        budget: CostBudget | None = None,
        ledger: Ledger | None = None,
        live_check: LiveCheck | None = None,
    ) -> None:
        self.directory = directory
        self._recorder: Recorder | StepCounter | None = recorder
        self._writer, self._budget, self._ledger = writer, budget, ledger
        self._live_check = live_check
        self._scalars = ScalarColumns()
        self._step: Step = 0
        self._cost = 0.0
        self._status: str | None = None
        self._ending: tuple[str, str | None] = ("running", None)
        self._lock = threading.RLock()
        self._closing = False
        self._process = os.getpid()
        self._earlier_error = id(_last_error())
        self._telling: threading.Thread | None = None
        if isinstance(recorder, Recorder):
            recorder.when_stopped = self._tell_stop
        openrecordings.add(self)

    @property
    def step(self) -> Step:
        """Optimizer steps done since the recording began."""
        return self._step if self._recorder is None else self._recorder.step

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far, such as 0.013."""
        return self._cost if self._budget is None else self._budget.cost

    @property
    def status(self) -> str:
        """`running`, or how the recording ended, as in `run.json`."""
        if self._status is None and self._recorder is not None and self._recorder.stopped is not None:
            return "stopped"
        return self._status or "running"

    def log(self, /, **scalars: object) -> None:
        """Keep scalars at the present step; further calls at the same step add to it.

        Numbers of any type and tensors of one element are taken. A tensor on an accelerator is not waited
        for. What is no number is left out, with one warning a name. `step` and `time` are columns of the
        table already: scalars of these names are kept as `logged_step` and `logged_time`. A run has 1000
        scalars at most.
        """
        recorder, writer, budget = self._recorder, self._writer, self._budget
        if recorder is None or recorder.stopped is not None:
            return
        try:
            began = time.perf_counter()
            values = self._scalars.take(scalars)
            if writer is not None:
                writer.metrics.log(recorder.step, began, values)
            if budget is not None:
                budget.other += min(time.perf_counter() - began, _LONGEST_LOG)
        except Exception as error:  # the training must go on whatever it is
            if isinstance(recorder, Recorder):
                recorder.stop(error)

    def close(self, status: str = "finished", note: str | None = None) -> None:
        """Write what is left and close the run; does nothing the second time.

        Ctrl-C does not break it off: pressed meanwhile it shortens the closing, and is raised afterwards.

        Arguments:
            status: `finished`, `interrupted` or `failed`.
            note: for `failed`, why.
        """
        if status not in get_args(Status):
            known = ", ".join(get_args(Status))
            warn(f"weightdesk knows no status {one_line(repr(status))} of a run: choose from {known}")
            status = "finished"
        live_check = self._live_check
        with hold_interrupts() as interrupts:
            self._attempt(
                lambda: self._close(status, None if note is None else one_line(str(note)), interrupts)
            )
        if live_check is not None:
            live_check.finish()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(*ending_of(error))

    def close_abandoned(self) -> None:
        """Close a run that nobody closed: at the end of the interpreter, or because another takes its place.

        The exception that ended the process tells its status, or in a notebook the one that ended a cell.
        """
        error = _last_error()
        self.close(*ending_of(None if id(error) == self._earlier_error else error))

    def close_at_signal(self, name: str) -> None:
        """Close the run because a signal of this name ends the process."""
        if self._closing:  # what the signal has interrupted will never go on
            self._attempt(lambda: self._write_end(*self._ending, is_written=False))
            return
        with hold_interrupts() as interrupts:
            interrupts.hurry(_AT_SIGNAL)
            self._attempt(lambda: self._close("interrupted", name, interrupts))

    def forget(self) -> None:
        """Let go of a run that belongs to the process from which this one was forked.

        No lock is asked for: whoever held it at the moment of the fork does not live here.
        """
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._step, self._cost = recorder.step, self.cost
            self._lock = threading.RLock()
            self._attempt(recorder.release)
        self._let_go()

    def _close(self, status: str, note: str | None, interrupts: HeldInterrupts) -> None:
        if os.getpid() != self._process:  # forked by a library that told Python nothing of it
            self.forget()
        with self._lock:
            recorder = self._recorder
            if recorder is None or self._closing:
                return
            self._closing, self._ending = True, (status, note)
            try:
                is_written = self._finish(recorder, interrupts)
                self._step, self._cost = recorder.step, self.cost
                if recorder.stopped is not None:
                    self._ending = "stopped", recorder.stopped
                elif not is_written:
                    self._ending = status, f"{note or 'interrupted'}; closing was cut short"
                self._attempt(lambda: self._write_end(*self._ending, is_written=is_written))
                self._status, self._recorder = self._ending[0], None
            finally:
                self._closing = False  # if Ctrl-C came through after all, the end of the process closes it
            self._attempt(recorder.release)
            self._let_go()
            openrecordings.remove(self)

    def _finish(self, recorder: Recorder | StepCounter, held: HeldInterrupts) -> bool:
        """Write what is left; whether all of it is written."""
        writer = self._writer
        if writer is None or not isinstance(recorder, Recorder):
            self._attempt(recorder.finish)
            return True
        try:
            recorder.finish(lambda: held.is_urgent)
            writer.close(lambda: held.is_urgent)
            if self._telling is not None:
                self._telling.join(_AT_SIGNAL)
            if writer.error is not None:
                raise writer.error
        except Exception as error:
            recorder.stop(error)
        return not writer.is_alive

    def _write_end(self, status: str, note: str | None, *, is_written: bool) -> None:
        if self._ledger is None:
            return
        notes, facts = list(self._scalars.notes), dict[str, object]()
        self._attempt(lambda: self._add_strides(notes, facts))
        self._ledger.close(RunEnd(status, note, self.step, notes, facts), is_written=is_written)

    def _add_strides(self, notes: list[str], facts: dict[str, object]) -> None:
        """Add what `run.json` says of the steps that were left out."""
        if self._ledger is None or not isinstance(self._recorder, Recorder):
            return
        strides, recording = self._recorder.strides, self._ledger.manifest.recording
        facts["strides"] = strides.by_table()
        notes += strides.notes(recording["cost"], recording["disk"])

    def _tell_stop(self, note: str) -> None:
        """Say in `run.json` that the recorder has stopped; beside the training, since a store may be slow."""
        if self._ledger is None or self._closing:
            return
        ledger, step = self._ledger, self.step
        self._telling = threading.Thread(
            target=lambda: self._attempt(lambda: ledger.write(RunEnd("stopped", note, step))),
            name="weightdesk-stop",
            daemon=True,
        )
        self._telling.start()

    def _attempt(self, action: Callable[[], object]) -> None:
        """Do a part of closing; whatever goes wrong is told, and the parts after it are still done."""
        try:
            action()
        except Exception as error:  # the training must not end because its record cannot
            warn(f"weightdesk could not close {self.directory}: {describe_error(error)}")

    def _let_go(self) -> None:
        self._writer = self._budget = self._ledger = self._live_check = self._telling = None


def _last_error() -> BaseException | None:
    """The exception that was not caught last, which has ended the program or the cell of a notebook."""
    error: BaseException | None = getattr(sys, "last_value", None)
    return error
