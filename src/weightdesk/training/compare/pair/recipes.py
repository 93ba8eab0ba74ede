"""In which options two or more runs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weightdesk.runs import Run
from weightdesk.training.recipe import DERIVED


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The options that are not the same in all runs: for each the value of every run, as text.

    Arguments:
        runs: of built-in trainings their recipes count; of all runs the model, and the optimizers with
            their options by group.

    """
    told = [dict(_options(run)) for run in runs]
    names = list(dict.fromkeys(name for each in told for name in each))
    found = {name: [each.get(name, "–") for each in told] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _options(run: Run) -> Iterator[tuple[str, str]]:
    for name, value in (run.recipe or {}).items():
        if name not in DERIVED:
            yield from _flat(name, value)
    manifest = run.manifest
    yield "model", str(manifest.model.get("text") or manifest.model.get("class"))
    yield from _flat("goes on from", manifest.parent)
    yield from _flat("versions", manifest.versions)
    for number, optimizer in enumerate(manifest.optimizers):
        place = "optimizer" if number == 0 else f"optimizer {number}"
        yield f"{place} class", str(optimizer["class"]).rpartition(".")[2]
        for group, each in enumerate(optimizer["groups"]):
            yield from _flat(f"{place} group {group}", each["options"])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name} {key}", each)
    elif value is not None:
        yield name, ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
