"""`watch`: record a training that somebody else runs."""

from __future__ import annotations

import atexit
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.errors import OptionError, RunExistsError, closest
from weightdesk.recording import environment
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.recorder import Recorder, warn
from weightdesk.recording.sampling import Sampler, choose
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.subject import Subject, subject_of
from weightdesk.recording.writer import FLUSH_INTERVAL, Writer
from weightdesk.runs.format import MANIFEST
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.stores import Store, open_store
from weightdesk.statistics.measure import KINDS
from weightdesk.types import Kind, Step

ALL_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def watch(
    model: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer],
    directory: str | os.PathLike[str],
    *,
    cost: float | None = 0.02,
    disk: int | str = "2GB",
    every: int | None = None,
    kinds: Sequence[Kind] = ALL_KINDS,
    flush: float = FLUSH_INTERVAL,
    seed: int = 0,
    overwrite: bool = False,
    recipe: dict[str, Any] | None = None,
    seeds: dict[str, int] | None = None,
) -> Recording:
    """Record a training: keep weights, gradients and updates as the optimizer saw them.

    Nothing in the training loop changes, and the weights it ends with are the same bits as without.

    Arguments:
        model: any module; wrappers of `torch.compile` and data parallelism are looked through.
        optimizer: the one that moves its parameters, or several of them. A step is one call of
            `step()` of any of them.
        directory: where to keep the run: a folder or an fsspec address.
        cost: share of the training's time that recording may take; statistics are taken as often
            as it allows. None takes them at every step whatever it costs.
        disk: bytes that the run may take, as a number or as text such as "500MB"; snapshots are
            thinned to stay inside.
        every: take a snapshot at every k-th step instead, whatever it needs.
        kinds: which statistics to take.
        flush: seconds after which measured data are on disk; a killed process loses at most these.
        seed: of the choice of sampled weights.
        overwrite: replace a run that is there already.
        recipe: what a built-in training needs to be run again.
        seeds: further seeds to note in `run.json`.

    Raises:
        WatchError: a model or an optimizer that cannot be recorded.
        OptionError: an option out of range.
        RunExistsError: the directory holds a run and `overwrite` is false.

    >>> from weightdesk import open_run, watch
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with watch(model, optimizer, "memory://watch-example") as recording:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         model(torch.ones(4, 2)).square().mean().backward()
    ...         optimizer.step()
    >>> open_run("memory://watch-example").steps
    (0, 1, 2, 3)

    """
    subject = subject_of(model, optimizer)
    _check_options(cost, every, kinds, flush)
    schedule = SnapshotSchedule(parse_bytes(disk), every)
    store = open_store(directory)
    release = _claim(store, overwrite)
    sizes = {name: each.numel() for name, each in subject.parameters.items() if each.dtype in KINDS}
    sampler = Sampler(choose(sizes, seed))
    settings = {
        "cost": cost,
        "disk": schedule.disk,
        "every": every,
        "kinds": list(kinds),
        "sampled": {name: places.tolist() for name, places in sampler.places.items()},
        "notes": _notes(subject, kinds),
    }
    manifest = Manifest(
        created=_now(),
        model=subject.describe_model(),
        optimizers=subject.describe_optimizers(),
        recipe=recipe,
        seeds={"sampling": seed, "torch": torch.initial_seed(), **(seeds or {})},
        versions=environment.versions(),
        command=environment.command(),
        recording=settings,
    )
    write_manifest(store, manifest)
    budget = CostBudget(cost)
    writer = Writer(store, sampler.places, schedule, budget.charge, interval=flush)
    recorder = Recorder(subject, writer, budget, schedule, sampler, frozenset(kinds))
    recorder.attach()
    return Recording(store, manifest, writer, recorder, budget, release)


class Recording:
    """A training that is being recorded. Made by `watch`; a context manager that closes the run.

    A run that nobody closes is closed when the interpreter exits.
    """

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        writer: Writer,
        recorder: Recorder,
        budget: CostBudget,
        release: Callable[[], None],
    ) -> None:
        self._store, self._manifest, self._writer = store, manifest, writer
        self._recorder, self._budget, self._release = recorder, budget, release
        self._status: str | None = None
        atexit.register(self._close_at_exit)

    @property
    def directory(self) -> str:
        """Where the run is kept."""
        return self._store.location

    @property
    def step(self) -> Step:
        """Optimizer steps done since the recording began."""
        return self._recorder.step

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far, such as 0.013."""
        return self._budget.cost

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
        self._writer.close()
        if self._writer.error is not None:
            self._recorder.stop(self._writer.error)
        if self._recorder.stopped is not None:
            status, note = "stopped", self._recorder.stopped
        self._status = status
        ended = replace(
            self._manifest,
            status=status,
            note=note,
            closed=_now(),
            last_step=self.step,
            git=environment.git_commit(),
        )
        try:
            write_manifest(self._store, ended)
            self._release()
        except Exception as error:  # the training must not end because its record cannot
            self._recorder.stop(error)

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


def parse_bytes(size: int | str) -> int:
    """A number of bytes, or its text with a decimal unit.

    >>> parse_bytes("1.5GB")
    1500000000
    """
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", size, re.IGNORECASE)
        if match is None:
            raise OptionError(f'disk is a number of bytes or a text such as "2GB", got {size!r}')
        size = int(float(match[1]) * _UNITS[match[2].upper()])
    if size <= 0:
        raise OptionError(f"disk must be more than 0 bytes, got {size}")
    return size


def _check_options(cost: float | None, every: int | None, kinds: Sequence[str], flush: float) -> None:
    if cost is not None and not 0 <= cost <= 1:
        raise OptionError(f"cost is a share of the training's time from 0 to 1, or None, got {cost}")
    if every is not None and every < 1:
        raise OptionError(f"every is a number of steps of at least 1, or None, got {every}")
    if flush <= 0:
        raise OptionError(f"flush is a number of seconds above 0, got {flush}")
    for kind in kinds:
        if kind not in ALL_KINDS:
            raise OptionError(f"unknown kind of statistics {kind!r}: {closest(kind, ALL_KINDS)}")


def _claim(store: Store, overwrite: bool) -> Callable[[], None]:
    """Make the place ours; returns what gives it back."""
    if store.exists(MANIFEST) and not overwrite:
        raise RunExistsError(
            f"{store.location} already holds a run; choose another folder, or replace it with overwrite"
        )
    release = store.hold()
    if overwrite:
        store.clear()
    return release


def _notes(subject: Subject, kinds: Sequence[Kind]) -> list[str]:
    """What the recording leaves out, said once in `run.json`."""
    notes = []
    if subject.compiled and "activation" in kinds:
        notes.append("no activation statistics: the model is compiled, and hooks would change its graph")
    left_out = [name for name, each in subject.parameters.items() if each.dtype not in KINDS]
    if left_out:
        notes.append(f"no statistics of {', '.join(left_out)}: not of a floating-point type that is measured")
    return notes


def _scalar(name: str, value: object) -> float | Tensor | None:
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        value = value.detach()
        return value.item() if value.is_cpu else value.clone()
    if isinstance(value, (int, float, np.number)):
        return float(value)
    warn(f"weightdesk leaves out {name}={value!r}: log takes numbers and tensors of one element")
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
