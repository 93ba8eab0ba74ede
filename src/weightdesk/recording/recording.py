"""What `watch` returns: the recording of a training under way."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor
from torch.optim import Optimizer

from weightdesk.recording.budget import CostBudget
from weightdesk.recording.ledger import Ledger
from weightdesk.recording.livecheck import LiveCheck
from weightdesk.recording.recorder import Recorder
from weightdesk.recording.warning import warn
from weightdesk.recording.writer import Writer
from weightdesk.types import Step


class StepCounter:
    """Stands in for a recorder in a process that has nothing to record: it counts steps."""

    stopped = None

    def __init__(self, optimizers: Sequence[Optimizer]) -> None:
        self.step: Step = 0
        self._handles = [each.register_step_post_hook(self._count) for each in optimizers]

    def _count(self, *_: Any) -> None:
        self.step += 1

    def log(self, values: dict[str, float | Tensor]) -> None:
        """Leave the scalars to the process that records."""

    def finish(self) -> None:
        """Take every hook off."""
        for handle in self._handles:
            handle.remove()


class Recording:
    """A training that is being recorded. Made by `watch`; a context manager that closes the run.

    A run that nobody closes is closed when the interpreter exits.
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
        """Where the run is kept."""
        self._recorder, self._writer, self._budget, self._ledger = recorder, writer, budget, ledger
        self._live_check = live_check
        self._status: str | None = None
        atexit.register(self._close_at_exit)

    @property
    def step(self) -> Step:
        """Optimizer steps done since the recording began."""
        return self._recorder.step

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far, such as 0.013."""
        return self._budget.cost if self._budget else 0.0

    @property
    def status(self) -> str:
        """`running`, or how the recording ended, as in `run.json`."""
        return self._status or ("running" if self._recorder.stopped is None else "stopped")

    def log(self, **scalars: float | Tensor) -> None:
        """Keep scalars at the present step; further calls at the same step add to it.

        Floats and tensors of one element are taken. A tensor on an accelerator is not waited for.
        Anything else is left out with a warning.
        """
        taken = {name: value for name, each in scalars.items() if (value := _scalar(name, each)) is not None}
        self._recorder.log(taken)

    def close(self, status: str = "finished", note: str | None = None) -> None:
        """Write what is left and close the run; does nothing the second time.

        Arguments:
            status: `finished`, `interrupted` or `failed`.
            note: for `failed`, why.
        """
        if self._status is not None:
            return
        atexit.unregister(self._close_at_exit)
        self._recorder.finish()
        self._status = status
        if self._writer is not None and isinstance(self._recorder, Recorder):
            self._writer.close()
            if self._writer.error is not None:
                self._recorder.stop(self._writer.error)
            if self._recorder.stopped is not None:
                self._status, note = "stopped", self._recorder.stopped
        if self._ledger is not None:
            try:
                self._ledger.close(self._status, note, self.step, self._thinned(self._ledger))
            except Exception as error:  # the training must not end because its record cannot
                warn(f"weightdesk could not close {self.directory}: {error}")
        if self._live_check is not None:
            self._live_check.finish()

    def _thinned(self, ledger: Ledger) -> dict[str, Any]:
        """What of `run.json` the budgets decided: the strides, and in words."""
        if not isinstance(self._recorder, Recorder):
            return {}
        recording, strides = ledger.manifest.recording, self._recorder.strides
        notes = strides.notes(recording["cost"], recording["disk"])
        return {"strides": strides.by_table(), "notes": [*recording["notes"], *notes]}

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, KeyboardInterrupt):
            self.close("interrupted")
        else:
            self.close("failed", f"{type(error).__name__}: {error}")

    def _close_at_exit(self) -> None:
        error: BaseException | None = getattr(sys, "last_value", None)
        self.__exit__(None, error, None)


def _scalar(name: str, value: object) -> float | Tensor | None:
    if isinstance(value, Tensor):
        if value.numel() == 1 and not value.is_complex():
            return value.item() if value.is_cpu else value.detach().clone()
    elif isinstance(value, (int, float, np.number)):
        return float(value)
    warn(f"weightdesk leaves out {name}={value!r}: log takes numbers and tensors of one element")
    return None
