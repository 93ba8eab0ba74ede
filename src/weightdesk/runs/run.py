"""A recorded training, open for reading; also while it is still being written."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from contextlib import suppress
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
)
from weightdesk.runs.history import History, history_of
from weightdesk.runs.loading import load_state
from weightdesk.runs.manifest import Manifest, read_manifest
from weightdesk.runs.parameters import Parameter, Parameters, read_parameters
from weightdesk.runs.rows import sort_rows
from weightdesk.runs.runjson import is_built_in
from weightdesk.runs.series import Series, read_series
from weightdesk.runs.shards import merge_shards
from weightdesk.runs.snapshotfolder import SnapshotFolder
from weightdesk.runs.steps import choose_step
from weightdesk.runs.stores import Store, open_store
from weightdesk.runs.tables import PartReader, Where
from weightdesk.types import ParameterName, Step

if TYPE_CHECKING:
    from weightdesk.explain.updates.move import MoveReasons
    from weightdesk.explain.updates.update import UpdateReasons

AnyIndex: TypeAlias = SupportsIndex | Iterable[SupportsIndex]


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
        self._snapshots = SnapshotFolder(store)
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
        return self._snapshots.whole_steps()

    @property
    def gradient_steps(self) -> tuple[int, ...]:
        """Steps of which gradients, updates and the optimizer's state are kept, too.

        Not of every parameter, where the disk budget was small: see `gradient_steps_of`.
        """
        return self._snapshots.extra_steps()

    def steps_of(self, name: str) -> tuple[int, ...]:
        """The steps at which a parameter is kept, with all others or with some of them."""
        return self._snapshots.steps_with(self.parameters[name].name)

    def gradient_steps_of(self, name: str) -> tuple[int, ...]:
        """Of `gradient_steps`, those at which there was room for this parameter."""
        return self._snapshots.extra_steps(self.parameters[name].name)

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
        parameter, wanted = self.parameters[name], operator.index(step)
        if (known := self._known_tensor(parameter, wanted, parameter.name)) is not None:
            return known
        whole = self.steps
        if not parameter.is_lasting or (wanted >= 0 and wanted not in whole):
            whole = self._snapshots.steps_with(parameter.name)  # reads the header of every file
        what = "snapshot" if parameter.is_lasting else f"snapshot of {parameter.name}"
        return self._tensor(choose_step(wanted, whole, what), parameter.name, parameter)

    def gradient(self, name: str, step: SupportsIndex) -> Tensor:
        """The gradient that the optimizer saw in the step from `step` on: unscaled, summed up, clipped."""
        return self._extra(name, "gradient", step)

    def update(self, name: str, step: SupportsIndex) -> Tensor:
        """What the optimizer step from `step` on added to the parameter."""
        return self._extra(name, "update", step)

    def state(self, name: str, step: SupportsIndex) -> dict[str, Tensor]:
        """What the optimizer remembered of the parameter before its step from `step` on, by its own keys."""
        parameter = self.parameters[name].name
        at = self._extra_step(parameter, step, "optimizer state")
        try:
            keys = [key for key in self._snapshots.keys(at, parameter) if key not in BESIDE_STATE]
            return {key: self._snapshots.tensor(at, f"{parameter}@{key}") for key in keys}
        except FileNotFoundError:
            raise self._thinned(at) from None

    def history(self, name: str, index: AnyIndex) -> History:
        """One weight through the run, bit for bit.

        A sampled weight is known at every recorded step, any other one at the steps with a snapshot.
        """
        return self._history(name, index, "weight", "")

    def gradient_history(self, name: str, index: AnyIndex) -> History:
        """The gradient of one weight through the run; see `history`."""
        return self._history(name, index, "gradient", "@gradient")

    def load_into(self, model: nn.Module, step: SupportsIndex | None = None) -> None:
        """Copy a snapshot, the last one where no step is given, into the model.

        Raises:
            StepNotKeptError: there is no snapshot at this step.
            OptionError: the model's tensors are not the recorded ones; the model stays as it was.
        """
        chosen = choose_step(-1 if step is None else step, self.steps, "snapshot")
        try:
            state, names = self._snapshots.state(chosen), self._snapshots.state_metadata(chosen)
        except FileNotFoundError:
            raise self._thinned(chosen) from None
        wanted = model.state_dict().keys()
        ties = {alias: state[kept] for alias, kept in names.items() if alias in wanted and kept in state}
        load_state(model, state | ties, f"{self.path}/{self._snapshots.whole_file(chosen)}")

    def options(self, name: str, step: SupportsIndex) -> dict[str, Any]:
        """The optimizer's options for the parameter in its step from `step` on, such as `lr`.

        Where the extra file does not tell them, those with which the recording began.
        """
        parameter = self.parameters[name].name
        at = self._extra_step(parameter, step, "optimizer options")
        try:
            then = self._snapshots.facts(at).options
        except FileNotFoundError:
            raise self._thinned(at) from None
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

    def _tensor(self, step: int, key: str, parameter: Parameter) -> Tensor:
        """A tensor that has a shape of the parameter."""
        try:
            tensor = self._snapshots.tensor(step, key)
        except FileNotFoundError:
            raise self._thinned(step) from None
        return self._checked(tensor, step, key, parameter)

    def _checked(self, tensor: Tensor, step: int, key: str, parameter: Parameter) -> Tensor:
        if tensor.shape not in (parameter.shape, *parameter.earlier_shapes):
            raise RunFormatError(
                f"{self.path} is damaged at step {step}: {key!r} has shape {tuple(tensor.shape)}, expected "
                f"{parameter.shape} as in {MANIFEST}"
            )
        return tensor

    def _thinned(self, step: int) -> StepNotKeptError:
        file = self._snapshots.whole_file(step)
        return StepNotKeptError(f"{self.path}/{file} was thinned out meanwhile; ask again")

    def _extra(self, name: str, key: str, step: SupportsIndex) -> Tensor:
        parameter, wanted = self.parameters[name], operator.index(step)
        place = f"{parameter.name}@{key}"
        if (known := self._known_tensor(parameter, wanted, place)) is not None:
            return known
        beside = "beside the weights of" if wanted in self.steps else "of"
        chosen = choose_step(wanted, self._snapshots.steps_with(place), f"{key} {beside} {parameter.name}")
        return self._tensor(chosen, place, parameter)

    def _known_tensor(self, parameter: Parameter, step: int, key: str) -> Tensor | None:
        """A tensor of a step, without a list of all the others; None if there is none."""
        if step >= 0:
            with suppress(FileNotFoundError):
                return self._checked(self._snapshots.tensor(step, key), step, key, parameter)
        return None

    def _extra_step(self, parameter: ParameterName, step: SupportsIndex, what: str) -> Step:
        """The step that is meant among those of which a parameter's optimizer state is kept."""
        wanted = operator.index(step)
        if self._snapshots.has_extra(wanted, parameter):
            return wanted
        return choose_step(wanted, self._snapshots.extra_steps(parameter), what)

    def _history(self, name: str, index: AnyIndex, column: str, suffix: str) -> History:
        parameter = self.parameters[name]
        place = parameter.place(index)
        found = self._snapshots.elements(parameter.name + suffix, place, parameter)
        sampled = place in self._opened.recording.get("sampled", {}).get(parameter.name, ())
        table = self._tables[SAMPLED] if sampled else None
        return history_of(parameter, parameter.index(index), found, table, column)
