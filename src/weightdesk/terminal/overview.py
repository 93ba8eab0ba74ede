"""What there is to say of a run at one of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weightdesk.runs import Parent, Run, open_store
from weightdesk.runs.listing import folder_size
from weightdesk.runs.steps import choose_step
from weightdesk.terminal import recipe
from weightdesk.terminal.layers import Layer, read_layers


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What a page says of a run; as JSON these are the keys.

    Attributes:
        run: its folder or address.
        status: how the recording stands, see `Run.status`.
        note: why, where it ended before its time.
        created: when the recording began, ISO 8601 in UTC.
        closed: when it was closed, likewise.
        model: class of the model.
        network: the built-in network with its sizes; None for a model of the user's.
        data: the built-in data set or the file; None likewise.
        seed: of the training; None where the user set none.
        parent: what the first weights were taken from, see `Parent`; None where they were the model's own.
        optimizers: class and learning rate of each.
        parameters: how many there are.
        weights: how many there are in all of them.
        step: the step that is shown; None where there is no snapshot yet.
        last_step: the highest step known.
        snapshots: the steps with a snapshot.
        statistics: number of steps at which statistics were taken.
        size: bytes on disk.
        notes: what the recording left out.
        metrics: last value of each logged scalar until the step that is shown.
        layers: what is known of each.

    """

    run: str
    status: str
    note: str | None
    created: str
    closed: str | None
    model: str
    network: str | None
    data: str | None
    seed: int | None
    parent: Parent | None
    optimizers: tuple[str, ...]
    parameters: int
    weights: int
    step: int | None
    last_step: int | None
    snapshots: tuple[int, ...]
    statistics: int
    size: int
    notes: tuple[str, ...]
    metrics: Mapping[str, float]
    layers: tuple[Layer, ...]


def read_overview(run: Run, step: int | None = None) -> Overview:
    """Read what a page says of a run.

    Arguments:
        run: an open run, finished or not.
        step: the step to show; negative ones count from the last, None is the last.

    Raises:
        StepNotKeptError: the run keeps no snapshot of this step.

    """
    manifest, snapshots, training = run.manifest, run.steps, run.recipe
    if step is not None or snapshots:
        shown = choose_step(-1 if step is None else step, snapshots, "snapshot")
    else:
        shown = None
    return Overview(
        run=run.path,
        status=run.status,
        note=manifest.note,
        created=manifest.created,
        closed=manifest.closed,
        model=manifest.model.get("class", "unknown"),
        network=recipe.network(training) if training else None,
        data=recipe.source(training) if training else None,
        seed=seed if isinstance(seed := manifest.seeds.get("seed"), int) else None,
        parent=Parent.from_dict(manifest.parent) if manifest.parent else None,
        optimizers=tuple(_optimizer(each) for each in manifest.optimizers),
        parameters=len(run.parameters),
        weights=sum(each.size for each in run.parameters.values()),
        step=shown,
        last_step=run.last_step,
        snapshots=snapshots,
        statistics=_statistics_steps(run),
        size=folder_size(open_store(run.path)),
        notes=tuple(manifest.recording.get("notes", ())),
        metrics=_last_metrics(run, shown if step is not None else None),
        layers=read_layers(run, shown),
    )


def _optimizer(described: Mapping[str, Any]) -> str:
    """Class and first learning rate of an optimizer."""
    name = str(described["class"]).rpartition(".")[2]
    rates = [group["options"].get("lr") for group in described["groups"]]
    return f"{name} lr {rates[0]:g}" if rates and isinstance(rates[0], float) else name


def _statistics_steps(run: Run) -> int:
    """Number of steps at which statistics of any kind were taken."""
    first = next(iter(run.parameters), None)
    if first is None:
        return 0
    return max(len(run.series(first, kind).steps) for kind in ("weight", "gradient", "update"))


def _last_metrics(run: Run, until: int | None) -> dict[str, float]:
    table = run.metrics
    if until is not None:
        table = table.filter([step <= until for step in table.column("step").to_pylist()])
    columns = {name: table.column(name).drop_null() for name in table.column_names[2:]}
    return {name: float(column[-1].as_py()) for name, column in columns.items() if len(column)}
