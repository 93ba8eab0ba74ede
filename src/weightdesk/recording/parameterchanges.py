"""Parameters that join, end or change in the middle of a training, as `run.json` tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from weightdesk.recording.notes import enumerate_names
from weightdesk.types import ParameterName, Step


@dataclass
class ParameterChanges:
    """What became of the parameters of a model between two looks, by name.

    Attributes:
        joined: there was no parameter of this name.
        ended: there is none any more.
        reshaped: it has another shape or type.
        replaced: it is another parameter of the same shape and type.
    """

    joined: list[ParameterName] = field(default_factory=list)
    ended: list[ParameterName] = field(default_factory=list)
    reshaped: list[ParameterName] = field(default_factory=list)
    replaced: list[ParameterName] = field(default_factory=list)

    def __str__(self) -> str:
        said = [
            f"{enumerate_names(names)} {what}"
            for what, names in (
                ("joined", self.joined),
                ("ended", self.ended),
                ("changed shape or type", self.reshaped),
                ("was replaced" if len(self.replaced) == 1 else "were replaced", self.replaced),
            )
            if names
        ]
        return "; ".join(said)


def update_entries(
    entries: list[dict[str, Any]],
    before: Mapping[ParameterName, nn.Parameter],
    after: Mapping[ParameterName, nn.Parameter],
    present: Iterable[dict[str, Any]],
    step: Step,
) -> ParameterChanges:
    """Bring the list of parameters in `run.json` up to date.

    An entry that joins has `first_step`, one that ends `last_step`, the steps that were done by then. One of
    another shape or type goes on under its name, with what it was in `earlier`; one that was replaced has the
    steps in `replaced`.

    Arguments:
        entries: of the manifest; changed in place.
        before: parameters at the last look.
        after: parameters now.
        present: entries that the parameters have now.
        step: optimizer steps done.
    """
    changes = ParameterChanges()
    current = {entry["name"]: entry for entry in entries if "last_step" not in entry}
    described = {entry["name"]: entry for entry in present}
    for name, entry in current.items():
        if name not in after:
            entry["last_step"] = step
            changes.ended.append(name)
        elif any(entry[key] != described[name][key] for key in ("shape", "dtype")):
            earlier = {key: entry[key] for key in ("shape", "dtype")} | {"last_step": step}
            entry |= described[name] | {"first_step": step, "earlier": [*entry.get("earlier", ()), earlier]}
            changes.reshaped.append(name)
        elif after[name] is not before.get(name):
            entry["replaced"] = [*entry.get("replaced", ()), step]
            changes.replaced.append(name)
    known = {entry["name"]: entry for entry in entries}
    for name in (name for name in after if name not in current):
        if name in known:  # it ended before, and is back
            known[name].pop("last_step")
            known[name] |= described[name] | {"first_step": step}
        else:
            entries.append(described[name] | {"first_step": step})
        changes.joined.append(name)
    return changes
