"""A run as the rules look at it: its series as arrays, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weightdesk.checkup.passes import Passes
from weightdesk.checkup.passrows import check_passes
from weightdesk.errors import RunFormatError
from weightdesk.runs.arrowvalues import floats, integer, numbers, presence
from weightdesk.runs.format import PASSES
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.run import Run
from weightdesk.types import ParameterName, Step

_ROWS = 16_000_000  # of sampled weights that are read at most
_MEASURED = ("nonfinite", "rms", "abs_max")  # the statistics that rules look at
_PASSES = 4_000  # each has up to 8,000 numbers, and some rules compare every two of them
_COMPUTED = ("momentum", "dampening", "weight_decay")  # options that rules compute with
_FEWEST = 12  # parameters that are looked at in any case

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """Numbers at some steps."""

    steps: Steps
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Samples:
    """Some weights of a parameter at every step that the budgets allowed, with their gradients.

    Attributes:
        steps: at which they were read.
        weights: one row a step.
        gradients: the same; NaN where there were none.
        missing: where there was no gradient at all.
    """

    steps: Steps
    weights: Floats
    gradients: Floats
    missing: npt.NDArray[np.bool_]

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Where a gradient was there and was no number."""
        return ~np.isfinite(self.gradients) & ~self.missing

    @property
    def moves(self) -> Floats:
        """What was added from each row to the next, one row fewer than there are steps."""
        return np.diff(self.weights, axis=0)

    @property
    def gaps(self) -> Steps:
        """How many steps lie between each row and the next: 1 where none was left out."""
        return np.diff(self.steps)


class Record:
    """What a run tells, read once.

    Arguments:
        run: finished or not.
        until: look at no step after this one, as if the training were there; None: at all.
    """

    def __init__(self, run: Run, until: Step | None = None) -> None:
        self.run, self._until = run, until
        last = _last_step(run)
        self.last_step: Step = last if until is None else min(last, until)

    @cached_property
    def is_done(self) -> bool:
        """Whether the training has ended, so that its end can be judged."""
        return self._until is None and self.run.status != "running"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps with a snapshot."""
        return tuple(step for step in self.run.steps if step <= self.last_step)

    @cached_property
    def gradient_steps(self) -> tuple[Step, ...]:
        """Steps of which the optimizer's state is kept, too."""
        return tuple(step for step in self.run.gradient_steps if step < max(1, self.last_step))

    def _cut(self, table: pa.Table) -> pa.Table:
        if self._until is None:
            return table
        return table.filter(pc.less_equal(table["step"], integer(self._until)))

    @cached_property
    def metrics(self) -> dict[str, Curve]:
        """What was logged, where it was; a name with an underscore or capitals is the same without."""
        table = self._cut(self.run.metrics)
        steps = numbers(table["step"])
        found: dict[str, Curve] = {}
        for name in table.column_names[2:]:
            there, values = presence(table[name]), floats(table[name])
            found[name.lower().replace("-", "_").replace(" ", "_")] = Curve(steps[there], values[there])
        return found

    def metric(self, *names: str) -> Curve | None:
        """The first of some metrics that was logged."""
        return next((self.metrics[name] for name in names if len(self.metrics.get(name, ()))), None)

    @property
    def loss(self) -> Curve | None:
        """The training loss."""
        return self.metric("loss", "train_loss", "training_loss")

    @property
    def held_out_loss(self) -> Curve | None:
        """The loss on examples that were kept apart."""
        return self.metric("val_loss", "held_out_loss", "validation_loss", "test_loss", "eval_loss")

    @property
    def accuracy(self) -> Curve | None:
        """The training accuracy, as a share; where none was logged, that of the passes looked at."""
        logged = _share(self.metric("accuracy", "train_accuracy", "acc", "train_acc"))
        if logged is not None or not self.passes.right:
            return logged
        steps, shares = zip(*self.passes.right, strict=True)
        return Curve(np.array(steps), np.array(shares))

    @property
    def held_out_accuracy(self) -> Curve | None:
        """The accuracy on examples that were kept apart, as a share."""
        return _share(self.metric("val_accuracy", "held_out_accuracy", "val_acc", "test_accuracy"))

    @cached_property
    def samples(self) -> dict[ParameterName, Samples]:
        """The sampled weights of each parameter in the model's order; of some of them in a very long run."""
        names = list(self.run.parameters)
        most = max(_FEWEST, _ROWS // max(1, 16 * self.last_step))
        if len(names) <= most:
            return self._samples(self._cut(self.run.sampled))
        found: dict[ParameterName, Samples] = {}
        for place in np.unique(np.linspace(0, len(names) - 1, most).round().astype(int)):
            found |= self._samples(self._cut(self.run.sampled_of(names[place])))
        return found

    def _samples(self, table: pa.Table) -> dict[ParameterName, Samples]:
        steps, weights, gradients = numbers(table["step"]), floats(table["weight"]), floats(table["gradient"])
        missing = ~presence(table["gradient"])
        names, owners = _codes(table["parameter"])
        found = {}
        for code, rows in _groups(owners):
            own, counts = np.unique(steps[rows], return_counts=True)
            if counts.min() != counts.max():
                continue
            shape = (len(own), int(counts[0]))
            found[names[code]] = Samples(
                own,
                weights[rows].reshape(shape),
                gradients[rows].reshape(shape),
                missing[rows].reshape(shape),
            )
        return {name: found[name] for name in self.run.parameters if name in found}

    @cached_property
    def _statistics(self) -> Mapping[tuple[str, str], Any]:
        table = self._cut(self.run.statistics)
        names, owners = _codes(table["parameter"])
        kinds, sorts = _codes(table["kind"])
        columns = {"step": numbers(table["step"])} | {name: floats(table[name]) for name in _MEASURED}
        keys = owners * len(kinds) + sorts
        return {
            (names[key // len(kinds)], kinds[key % len(kinds)]): {
                name: each[rows] for name, each in columns.items()
            }
            for key, rows in _groups(keys)
        }

    def statistic(self, name: str, kind: str, column: str) -> Curve | None:
        """A column among `_MEASURED` of the statistics of a parameter or module over the steps."""
        found = self._statistics.get((name, kind))
        return None if found is None else Curve(found["step"], found[column])

    def measured(self, kind: str) -> list[str]:
        """What has statistics of a kind: parameters in the order of the model, modules as they ran."""
        found = [name for name, each in self._statistics if each == kind]
        order = {name: place for place, name in enumerate([*self.run.parameters, *self.modules])}
        return sorted(found, key=lambda name: order.get(name, len(order)))

    @cached_property
    def modules(self) -> dict[str, str]:
        """The class of each module by its name."""
        return {each["name"]: each["class"] for each in self.run.manifest.model.get("modules", [])}

    def owner(self, name: ParameterName) -> str:
        """The class of the module that a parameter belongs to."""
        return self.modules.get(name.rpartition(".")[0], "")

    @cached_property
    def matrices(self) -> dict[ParameterName, Parameter]:
        """The parameters that inputs are multiplied with: no biases, gains, embeddings or positions."""
        found = {}
        for name, each in self.run.parameters.items():
            apart = "Embedding" in self.owner(name) or "Norm" in self.owner(name) or "pos" in name.lower()
            if len(each.shape) >= 2 and min(each.shape[:2]) >= 1 and each.size > 1 and not apart:
                found[name] = each
        return found

    @cached_property
    def passes(self) -> Passes:
        """The forward passes that were looked at; of very many an even choice, as the recorder makes it."""
        table = self._cut(self.run.passes)
        if table.num_rows > _PASSES:
            places = np.linspace(0, table.num_rows - 1, _PASSES).round().astype(np.int64)
            table = table.take(places)
        return Passes(check_passes(table.to_pylist(), f"{self.run.path}/{PASSES}"))

    @cached_property
    def options(self) -> dict[ParameterName, dict[str, Any]]:
        """The optimizer's options for each parameter, as the training began, with its class.

        Those that rules compute with are numbers; an optimizer whose own mean something else lacks them.
        """
        found = {}
        for optimizer in self.run.manifest.optimizers:
            for group in optimizer["groups"]:
                for name in group["parameters"]:
                    options = {
                        key: value
                        for key, value in group["options"].items()
                        if key not in _COMPUTED or isinstance(value, (int, float))
                    }
                    found[name] = {"class": optimizer["class"].rpartition(".")[2], **options}
        return found


def _last_step(run: Run) -> Step:
    """The highest known step; where a table is damaged, what the manifest and the snapshots say."""
    try:
        return run.last_step or 0
    except RunFormatError:
        return max([run.manifest.last_step or 0, *run.steps])


def _share(curve: Curve | None) -> Curve | None:
    """An accuracy between 0 and 1, also where it was logged in percent."""
    if curve is None:
        return None
    finite = curve.values[np.isfinite(curve.values)]
    return Curve(curve.steps, curve.values / 100) if finite.size and finite.max() > 1.5 else curve


def _codes(column: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of a column, and for each row the place of its own."""
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    return encoded.dictionary.to_pylist(), numbers(encoded.indices).astype(np.int64, copy=False)


def _groups(keys: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Every key with its rows, in their order."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        yield int(keys[rows[0]]), rows
