"""`watch`: record a training that somebody else runs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, get_args

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from weightdesk.errors import OptionError, WatchError, WeightdeskError, closest
from weightdesk.paths import expand_home
from weightdesk.recording import environment, openrecordings
from weightdesk.recording.budget import CostBudget
from weightdesk.recording.endings import describe_error, one_line
from weightdesk.recording.keeper import SnapshotKeeper
from weightdesk.recording.ledger import Ledger, RunEnd, now
from weightdesk.recording.livecheck import LiveCheck
from weightdesk.recording.membership import membership_of
from weightdesk.recording.recorder import Recorder
from weightdesk.recording.recording import Recording, StepCounter
from weightdesk.recording.repository import read_commit
from weightdesk.recording.sampling import Sampler, choose
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.subject import Subject, subject_of
from weightdesk.recording.writer import FLUSH_INTERVAL, Writer
from weightdesk.runs.amounts import parse_bytes
from weightdesk.runs.manifest import Manifest
from weightdesk.runs.stores import open_store
from weightdesk.statistics.measure import KINDS
from weightdesk.types import Kind

ALL_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


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
    scaler: GradScaler | None = None,
    seed: int = 0,
    overwrite: bool = False,
    check: bool = False,
    recipe: dict[str, Any] | None = None,
    parent: dict[str, Any] | None = None,
    seeds: dict[str, int] | None = None,
) -> Recording:
    """Record a training: keep weights, gradients and updates as the optimizer saw them.

    Nothing in the training loop changes, and the weights it ends with are the same bits as without.

    Arguments:
        model: any module; wrappers of `torch.compile` and data parallelism are looked through.
        optimizer: the one that moves its parameters, or several of them. A step is one call of
            `step()` of any of them.
        directory: where to keep the run: a folder or an fsspec address. A relative folder stays where it is
            if the training changes its working directory.
        cost: share of the training's time that recording may take; statistics are taken as often
            as it allows. None takes them at every step whatever it costs.
        disk: bytes that the run may take, as a number or as text such as "500MB"; snapshots are
            thinned to stay inside.
        every: take a snapshot at every k-th step instead, whatever it needs.
        kinds: which statistics to take.
        flush: seconds after which measured data are on disk; a killed process loses at most these.
        scaler: that scales this training's loss. Its scale is read at the steps with a snapshot, so that
            an update's explanation can tell it from clipping; a fused optimizer tells it by itself.
        seed: of the choice of sampled weights.
        overwrite: replace a run that is there already.
        check: look at the run with `weightdesk.check` while it grows, and warn of what is found.
        recipe: what a built-in training needs to be run again.
        parent: which run, step and turns the model's weights come from, as JSON can hold it.
        seeds: further seeds to note in `run.json`.

    Raises:
        WatchError: a model, an optimizer or a scaler that cannot be recorded, or a place that cannot be
            written to.
        OptionError: an option out of range.
        RunExistsError: the directory holds a run and `overwrite` is false.

    >>> from weightdesk import open_run, watch
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with watch(model, optimizer, "memory://watch-example", every=1) as recording:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         model(torch.ones(4, 2)).square().mean().backward()
    ...         optimizer.step()
    >>> open_run("memory://watch-example").steps
    (0, 1, 2, 3)

    """
    began = time.thread_time()
    subject = subject_of(model, optimizer)
    _check_options(cost, every, kinds, flush)
    _check_scaler(scaler)
    schedule = SnapshotSchedule(_disk_bytes(disk), every)
    place, rank = _absolute(directory), subject.rank
    if overwrite:  # a cell of a notebook that is run again
        openrecordings.close_at(place)
    measured = [name for name, each in subject.parameters.items() if each.dtype in KINDS]
    shards = {name: subject.layout.shards[name] for name in measured}
    places = choose({name: math.prod(shard.whole) for name, shard in shards.items()}, seed)
    store = open_store(place)
    membership = membership_of(store, subject, places)
    if rank.is_silent:
        comparison = membership.replica_check() if membership else None
        return Recording(place, StepCounter(subject.optimizers, comparison))
    if rank.number and membership and not membership.join():
        return Recording(place, StepCounter(subject.optimizers))
    _add_notes(subject, kinds)
    manifest = Manifest(
        created=now(),
        model=subject.describe_model(),
        optimizers=subject.describe_optimizers(),
        recipe=recipe,
        parent=parent,
        seeds={"sampling": seed, "torch": torch.initial_seed(), **(seeds or {})},
        versions=environment.versions(),
        git=read_commit(),
        command=environment.command(),
        recording={
            "cost": cost,
            "disk": schedule.disk,
            "every": every,
            "kinds": list(kinds),
            "processes": rank.count,
            "sharded": rank.sharded,
            "sampled": {name: tuple(chosen.tolist()) for name, chosen in places.items()},
            "notes": subject.notes.texts,
        },
    )
    with _refusals(place), ExitStack() as undo:
        ledger = Ledger.open(store, manifest, membership, overwrite=overwrite)
        undo.callback(ledger.close, RunEnd("failed", "the recording could not begin", 0))
        on_cpu = all(parameter.is_cpu for parameter in subject.parameters.values())
        clock = time.thread_time if on_cpu else time.perf_counter
        budget = CostBudget(cost, clock=clock, is_fixed=every is not None)
        budget.charge("start", time.thread_time() - began)
        sampler, notes = Sampler(places, shards), subject.notes
        keeper = SnapshotKeeper(store, schedule, rank, notes)
        writer = Writer(
            store,
            sampler,
            keeper,
            budget.charge_beside,
            rank.number,
            flush,
            # shards of a row are written by several processes, which would have to thin alike
            disk=None if rank.sharded else schedule.disk,
            together=len(subject.optimizers),
            each_flush=lambda: ledger.write_changes(notes),
        )
        undo.callback(writer.close)
        recorder = Recorder(
            subject, writer, budget, schedule, sampler, frozenset(kinds), manifest, notes, scaler
        )
        undo.callback(recorder.detach)
        recorder.attach()
        live_check = _live_check(place, budget) if check else None
        recording = Recording(place, recorder, writer, budget, ledger, live_check)
        undo.pop_all()
    return recording


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    """Whatever keeps a recording from beginning, said in one line."""
    try:
        yield
    except WeightdeskError:
        raise
    except Exception as error:
        raise WatchError(
            f"{one_line(place)} cannot be recorded to: {describe_error(error)}; choose another place"
        ) from error


def _absolute(directory: str | os.PathLike[str]) -> str:
    """The folder wherever the training changes its working directory to; addresses stay as they are."""
    try:
        place = os.fsdecode(directory)
    except TypeError:
        raise OptionError(
            f"directory is a folder or an address, as text or as a path, got {type(directory).__name__}"
        ) from None
    try:
        place.encode()
        return place if "://" in place else str(expand_home(place).absolute())
    except UnicodeEncodeError:
        raise OptionError(f"directory must be named in UTF-8, got {place!r}; choose another name") from None
    except (OSError, RuntimeError) as error:  # the working directory was removed, or nobody knows a home
        raise OptionError(
            f"directory {place!r} cannot be found from here: {describe_error(error)}; give it in full"
        ) from None


def _live_check(place: str, budget: CostBudget) -> LiveCheck:
    from weightdesk.checkup import check  # takes long to load

    return LiveCheck(lambda: check(place), lambda seconds: budget.charge_beside("check", seconds))


def _disk_bytes(disk: int | str) -> int:
    size = parse_bytes(disk, "disk")
    if not size:
        raise OptionError("disk must be more than 0 bytes, got 0")
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


def _check_scaler(scaler: GradScaler | None) -> None:
    if scaler is not None and not isinstance(scaler, GradScaler):
        raise WatchError(
            f"scaler is the torch.amp.GradScaler of the training, or None, got {type(scaler).__name__}"
        )


def _add_notes(subject: Subject, kinds: Sequence[Kind]) -> None:
    """Note what the recording leaves out from the start."""
    notes = subject.notes
    if subject.compiled and "activation" in kinds:
        notes.add(
            "no activation statistics: the model is compiled, so its modules are not called from Python"
        )
    left_out = [name for name, each in subject.parameters.items() if each.dtype not in KINDS]
    if left_out:
        notes.add(f"no statistics of {', '.join(left_out)}: not of a floating-point type that is measured")
    for name, why in subject.layout.left_out.items():
        notes.add(f"parameter {name} is not recorded: {why}", aloud=True)
    if not subject.rank.is_certain:
        notes.add(
            f"process 0 of {subject.rank.count} is recorded; nothing but a comparison when they begin says "
            "whether the others train the same weights"
        )
    if not subject.rank.is_alone:
        notes.add("no gradients before clipping: several processes add theirs up after backward")
