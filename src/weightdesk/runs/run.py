"""A recorded training, open for reading; also while it is still being written."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import pyarrow as pa
from torch import Tensor, nn

from weightdesk.errors import (
    RunFormatError,
    RunNotFoundError,
    StepNotKeptError,
    UnknownParameterError,
    closest,
)
from weightdesk.runs.format import (
    BESIDE_STATE,
    MANIFEST,
    METRICS,
    PASSES,
    SAMPLED,
    STATISTICS,
    TABLES,
    extra_name,
    snapshot_name,
)
from weightdesk.runs.history import History, history_of
from weightdesk.runs.loading import load_state
from weightdesk.runs.manifest import Manifest, read_manifest
from weightdesk.runs.parameters import Parameters, read_parameters
from weightdesk.runs.rows import sort_rows
from weightdesk.runs.runjson import is_built_in
from weightdesk.runs.series import Series, read_series
from weightdesk.runs.shards import merge_shards
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import kept_steps
from weightdesk.runs.stepfacts import read_step_facts
from weightdesk.runs.steps import choose_step
from weightdesk.runs.stores import Store, open_store
from weightdesk.runs.tables import PartReader, Where

if TYPE_CHECKING:
    from weightdesk.explain.updates.move import MoveReasons
    from weightdesk.explain.updates.update import UpdateReasons

AnyIndex: TypeAlias = SupportsIndex | Iterable[SupportsIndex]

FileName: TypeAlias = Callable[[int], str]


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open the run in a folder or at an fsspec address, finished or not.

    Raises:
        RunNotFoundError: there is no run.
        RunFormatError: its `run.json` is damaged, or of a newer version.

    >>> open_run("runs/nowhere")
    Traceback (most recent call last):
    ...
    weightdesk.errors.RunNotFoundError: no run.json in runs/nowhere; `weightdesk runs DIR` lists runs
    """
    return Run(open_store(path))


class Run:
    """Everything that one recording kept; each answer is read afresh, so that it follows a living writer.

    Steps count optimizer steps: what belongs to step `s` is the state after `s` of them, and the
    gradient and the update that lead from `s` to `s + 1`. A negative step counts from the last kept
    one. Parameters are named as in `named_parameters()`; a tied one answers to each of its names.

    >>> import tempfile, torch
    >>> from weightdesk.runs.manifest import write_manifest
    >>> from weightdesk.runs.snapshots import write_snapshot
    >>> store = open_store(tempfile.mkdtemp())
    >>> about = {"parameters": [{"name": "w", "shape": [2], "dtype": "float32"}]}
    >>> _ = write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model=about))
    >>> for step in (0, 8):
    ...     _ = write_snapshot(store, step, {"w": torch.tensor([1.0, step / 16])})
    >>> run = open_run(store.location)
    >>> run.steps, run.weights("w", -1), run.history("w", 1)
    ((0, 8), tensor([1.0000, 0.5000]), History(w[1]: 2 steps 0 … 8, 0 → 0.5))
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._opened = self.manifest
        self._files = SnapshotReader(store)
        sharded = bool(self._opened.recording.get("sharded"))
        self._tables = {folder: PartReader(store, folder, sharded=sharded) for folder in TABLES}

    @property
    def path(self) -> str:
        """The run's folder or address."""
        return self._store.location

    @property
    def manifest(self) -> Manifest:
        """What `run.json` says now."""
        try:
            return read_manifest(self._store)
        except (FileNotFoundError, NotADirectoryError):
            raise RunNotFoundError(
                f"no {MANIFEST} in {self.path}; `weightdesk runs DIR` lists runs"
            ) from None

    @property
    def status(self) -> str:
        """How the recording stands: the manifest's word, or `killed` where its writer is gone."""
        if self.manifest.status != "running" or self._store.is_held():
            return self.manifest.status
        status = self.manifest.status  # once more: it may have been closed between the two looks
        return "killed" if status == "running" else status

    @cached_property
    def recipe(self) -> dict[str, Any] | None:
        """What a built-in training needs to be run again; None for the user's own loops.

        Whatever else a user noted as the recipe is in `manifest.recipe` alone.
        """
        return self._opened.recipe if is_built_in(self._opened.recipe) else None

    @cached_property
    def parameters(self) -> Parameters:
        """The recorded parameters by name, in the model's order."""
        return read_parameters(self._opened.model, f"{self.path}/{MANIFEST}")

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps with a full snapshot, as of now."""
        return kept_steps(self._store)

    @property
    def gradient_steps(self) -> tuple[int, ...]:
        """Steps of which gradients, updates and the optimizer's state are kept, too."""
        return kept_steps(self._store, extra=True)

    @property
    def last_step(self) -> int | None:
        """The highest step of which anything is known; None before the first."""
        known = [self.manifest.last_step, *self.steps[-1:]]
        known += [table.last_step() for table in self._tables.values()]
        return max((step for step in known if step is not None), default=None)

    @property
    def metrics(self) -> pa.Table:
        """`step`, `time` and one column for each logged scalar, ordered by step."""
        return self._table(METRICS)

    @property
    def statistics(self) -> pa.Table:
        """One row for each (step, parameter, kind), in this order; ranks are merged."""
        if self._tables[STATISTICS].is_sharded():
            return merge_shards(self._tables[STATISTICS].read(TABLES[STATISTICS].schema), self._sizes)
        return self._table(STATISTICS)

    @property
    def sampled(self) -> pa.Table:
        """One row for each (step, parameter, index) of the sampled weights, in this order."""
        return self._table(SAMPLED)

    def sampled_of(self, parameter: str) -> pa.Table:
        """The rows of `sampled` of one parameter, read without the rest of the table, ordered by step."""
        return self._table(SAMPLED, {"parameter": self.parameters[parameter].name})

    @property
    def passes(self) -> pa.Table:
        """One row for each forward pass of the network that was looked at, ordered by step."""
        return self._table(PASSES)

    def series(self, parameter: str, kind: str, column: str = "rms") -> Series:
        """One statistic at every step where it was taken, read without the rest of the table.

        Args:
            parameter: a parameter's name; a module's where the kind is `activation`.
            kind: `weight`, `gradient`, `update` or `activation`.
            column: a column of numbers of `STATISTICS_SCHEMA`; it comes as float64, NaN where null.
        """
        name = self._module(parameter) if kind == "activation" else self.parameters[parameter].name
        return read_series(self._tables[STATISTICS], self._sizes, name, kind, column)

    def weights(self, name: str, step: SupportsIndex) -> Tensor:
        """The whole parameter after `step` optimizer steps."""
        parameter = self.parameters[name].name
        return self._tensor(snapshot_name(choose_step(step, self.steps, "snapshot")), parameter, parameter)

    def gradient(self, name: str, step: SupportsIndex) -> Tensor:
        """The gradient that the optimizer saw in the step from `step` on: unscaled, summed up, clipped."""
        return self._extra(name, "gradient", step)

    def update(self, name: str, step: SupportsIndex) -> Tensor:
        """What the optimizer step from `step` on added to the parameter."""
        return self._extra(name, "update", step)

    def state(self, name: str, step: SupportsIndex) -> dict[str, Tensor]:
        """What the optimizer remembered of the parameter before its step from `step` on, by its own keys."""
        prefix = f"{self.parameters[name].name}@"
        file = extra_name(choose_step(step, kept_steps(self._store, extra=True), "optimizer state"))
        keys = [key for key in self._files.header(file).entries if key.startswith(prefix)]
        found = {key.removeprefix(prefix): self._files.tensor(file, key) for key in keys}
        return {key: found[key] for key in found if key not in BESIDE_STATE}

    def history(self, name: str, index: AnyIndex) -> History:
        """One weight through the run, bit for bit.

        A sampled weight is known at every recorded step, any other one at the steps with a snapshot.
        """
        return self._history(name, index, "weight", (self.steps, snapshot_name, ""))

    def gradient_history(self, name: str, index: AnyIndex) -> History:
        """The gradient of one weight through the run; see `history`."""
        steps = kept_steps(self._store, extra=True)
        return self._history(name, index, "gradient", (steps, extra_name, "@gradient"))

    def load_into(self, model: nn.Module, step: SupportsIndex | None = None) -> None:
        """Copy a snapshot, the last one where no step is given, into the model.

        Raises:
            StepNotKeptError: there is no snapshot at this step.
            OptionError: the model's tensors are not the recorded ones; the model stays as it was.
        """
        file = snapshot_name(choose_step(-1 if step is None else step, self.steps, "snapshot"))
        header = self._files.header(file)
        state = {key: self._files.tensor(file, key) for key in header.entries}
        names = model.state_dict().keys()
        ties = {
            alias: state[kept] for alias, kept in header.metadata.items() if alias in names and kept in state
        }
        load_state(model, state | ties, f"{self.path}/{file}")

    def options(self, name: str, step: SupportsIndex) -> dict[str, Any]:
        """The optimizer's options for the parameter in its step from `step` on, such as `lr`.

        Where the extra file does not tell them, those with which the recording began.
        """
        parameter = self.parameters[name].name
        file = extra_name(choose_step(step, kept_steps(self._store, extra=True), "optimizer options"))
        then = read_step_facts(self._files.header(file).metadata, f"{self.path}/{file}").options
        if parameter in then:
            return dict(then[parameter])
        for group in (group for optimizer in self._opened.optimizers for group in optimizer["groups"]):
            if parameter in group["parameters"]:
                return dict(group["options"])
        raise UnknownParameterError(f"no optimizer of this run moves {parameter}")

    def explain_update(self, name: str, index: AnyIndex, step: SupportsIndex) -> UpdateReasons:
        """Why one weight moved in one step, in parts that add up; see `weightdesk.explain`."""
        from weightdesk.explain.updates.update import explain_update

        return explain_update(self, name, index, step)

    def explain_move(
        self,
        name: str,
        index: AnyIndex,
        start: SupportsIndex | None = None,
        stop: SupportsIndex | None = None,
    ) -> MoveReasons:
        """What moved one weight over many steps, and how sure that is; see `weightdesk.explain`."""
        from weightdesk.explain.updates.move import explain_move

        return explain_move(self, name, index, start, stop)

    def __repr__(self) -> str:
        return f"Run({self.path!r}, {self.status}, {len(self.steps)} snapshots)"

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {name: parameter.size for name, parameter in self.parameters.items()}

    def _table(self, folder: str, where: Where | None = None) -> pa.Table:
        layout = TABLES[folder]
        return sort_rows(self._tables[folder].read(layout.schema, where=where), layout.order)

    def _module(self, name: str) -> str:
        known = [module["name"] for module in self._opened.model.get("modules", [])]
        if name not in known:
            raise UnknownParameterError(f"no module {name!r} in this run; {closest(name, known)}")
        return name

    def _tensor(self, file: str, key: str, parameter: str) -> Tensor:
        """A tensor that has the parameter's shape."""
        try:
            tensor = self._files.tensor(file, key)
        except FileNotFoundError:
            raise StepNotKeptError(f"{self.path}/{file} was thinned out meanwhile; ask again") from None
        shape = self.parameters[parameter].shape
        if tensor.shape != shape:
            raise RunFormatError(
                f"{self.path}/{file} is damaged: {key!r} has shape {tuple(tensor.shape)}, expected {shape} "
                f"as in {MANIFEST}"
            )
        return tensor

    def _extra(self, name: str, key: str, step: SupportsIndex) -> Tensor:
        parameter, wanted = self.parameters[name].name, operator.index(step)
        place = f"{parameter}@{key}"
        kept = kept_steps(self._store, extra=True)
        if wanted not in kept or not self._holds(wanted, place):
            beside = "beside the weights of" if wanted in self.steps else "of"
            kept = tuple(each for each in kept if self._holds(each, place))
            wanted = choose_step(wanted, kept, f"{key} {beside} {parameter}")
        return self._tensor(extra_name(wanted), place, parameter)

    def _holds(self, step: int, place: str) -> bool:
        try:
            return self._files.header(extra_name(step)).find(place) is not None
        except FileNotFoundError:
            return False

    def _history(
        self, name: str, index: AnyIndex, column: str, files: tuple[Sequence[int], FileName, str]
    ) -> History:
        parameter = self.parameters[name]
        place, (steps, file, suffix) = parameter.place(index), files
        found = self._files.elements(steps, file, parameter.name + suffix, place)
        sampled = place in self._opened.recording.get("sampled", {}).get(parameter.name, ())
        table = self._tables[SAMPLED] if sampled else None
        return history_of(parameter, parameter.index(index), found, table, column)
