"""Many steps in one file: each tensor stacked along a new first axis, a row for each step.

Thousands of small files would be slow to write, to list and to read. Rows of one file hold the same
tensors; what a step says of itself, such as the options of its optimizer, is in the metadata.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weightdesk.runs.format import MAX_STEP, SNAPSHOTS
from weightdesk.runs.jsontext import parse_json
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import ties_of
from weightdesk.runs.stores import Store
from weightdesk.runs.tensorfile import Slot, TensorFile, flat_blocks
from weightdesk.types import Step


@dataclass(frozen=True)
class Row:
    """What is kept of one step.

    Attributes:
        step: optimizer steps done.
        tensors: the state dict, and `<name>@<key>` as in an extra file.
        metadata: of the extra file.
    """

    step: Step
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> tuple[object, ...]:
        """Names, types and shapes; rows of one file have the same."""
        return tuple((name, each.dtype, each.shape) for name, each in self.tensors.items())


def stacked_name(steps: Sequence[Step]) -> str:
    """Name of the file of some steps inside the run; it changes with every row that goes or comes.

    >>> stacked_name([0, 8, 16])
    'snapshots/00000000-00000016.rows3.safetensors'
    """
    return f"{SNAPSHOTS}/{steps[0]:08d}-{steps[-1]:08d}.rows{len(steps)}.safetensors"


def write_rows(store: Store, rows: Sequence[Row]) -> tuple[str, int]:
    """Keep steps of one layout, ascending; return the file's name and its size in bytes.

    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://rows")
    >>> rows = [Row(step, {"w": torch.full((2,), float(step))}) for step in (0, 1)]
    >>> name, _ = write_rows(store, rows)
    >>> name, SnapshotReader(store).tensor(name, "w").tolist()
    ('snapshots/00000000-00000001.rows2.safetensors', [[0.0, 0.0], [1.0, 1.0]])
    """
    ties = dict(set.intersection(*(set(ties_of(row.tensors).items()) for row in rows)))
    names = [name for name in rows[0].tensors if name not in ties]
    slots = {name: _stacked(Slot.of(rows[0].tensors[name]), len(rows)) for name in names}
    about = _metadata([row.step for row in rows], [row.metadata for row in rows]) | ties
    contents = {name: lambda name=name: torch.stack([row.tensors[name] for row in rows]) for name in names}
    return _write(store, [row.step for row in rows], slots, about, contents)


def restack(
    store: Store, reader: SnapshotReader, names: Iterable[str], keeps: Callable[[Step], bool] = lambda _: True
) -> tuple[str, int] | None:
    """Put files of one layout together, without some of their steps; they stay where they are.

    Returns:
        the new file's name and its size in bytes; None if no step is left.
    """
    files = []
    for name in names:
        header = reader.header(name)
        places = [row for row, step in enumerate(steps_of(header.metadata)) if keeps(step)]
        if places:
            files.append((name, header, places))
    if not files:
        return None
    headers = [header for _, header, _ in files]
    steps = [steps_of(header.metadata)[place] for _, header, places in files for place in places]
    about = [rows_of(header.metadata)[place] for _, header, places in files for place in places]
    everywhere = set.intersection(*(set(header.metadata.items()) for header in headers))
    ties = {alias: name for alias, name in everywhere if all(name in each.entries for each in headers)}
    keys = sorted({key for each in headers for key in (*each.entries, *_ties(each.metadata, each.entries))})
    keys = [key for key in keys if key not in ties]

    def read(key: str) -> Tensor:
        return torch.cat([reader.tensor(name, key)[places] for name, _, places in files])

    slots = {}
    for key in keys:
        entry = headers[0].find(key)
        if entry is None:
            raise ValueError(f"{files[0][0]} has no {key}, as the files beside it have")
        slots[key] = Slot(entry.dtype, (len(steps), *entry.shape[1:]))
    contents = {key: lambda key=key: read(key) for key in keys}
    return _write(store, steps, slots, _metadata(steps, about) | ties, contents)


def steps_of(metadata: Mapping[str, str]) -> list[Step]:
    """The steps of a file, one a row.

    Raises:
        ValueError: it does not say so as it should.
    """
    steps = parse_json(metadata.get("steps", "null").encode())
    if not isinstance(steps, list) or not all(type(step) is int and 0 <= step <= MAX_STEP for step in steps):
        raise ValueError("steps is no list of whole numbers")
    if steps != sorted(set(steps)):
        raise ValueError("steps are not in ascending order")
    return steps


def rows_of(metadata: Mapping[str, str]) -> list[dict[str, str]]:
    """What each row of a file says of itself.

    Raises:
        ValueError: it does not say so as it should.
    """
    count = len(steps_of(metadata))
    rows: list[dict[str, str]] = []
    told: dict[str, str] = {}
    for row, about in _changes(metadata):
        rows += [told] * (min(row, count) - len(rows))
        told = about
    return rows + [told] * (count - len(rows))


def _changes(metadata: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows at which what they say of themselves changes, with what they say from then on."""
    changes = parse_json(metadata.get("rows", "[]").encode())
    if not isinstance(changes, list):
        raise ValueError("rows is no list")
    for change in changes:
        row: Any
        about: Any
        row, about = change if isinstance(change, list) and len(change) == 2 else (None, None)
        is_told = isinstance(about, dict) and all(isinstance(text, str) for text in about.values())
        if type(row) is not int or not is_told:
            raise ValueError("rows is no list of rows, each with texts by name")
        yield row, about


def _ties(metadata: Mapping[str, str], entries: Mapping[str, object]) -> Iterator[str]:
    return (alias for alias, name in metadata.items() if name in entries)


def _stacked(slot: Slot, count: int) -> Slot:
    return Slot(slot.dtype, (count, *slot.shape))


def _metadata(steps: Sequence[Step], about: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Steps, and what rows say of themselves wherever that changes."""
    changes = [
        [row, dict(told)] for row, told in enumerate(about) if not row or dict(told) != dict(about[row - 1])
    ]
    return {"format": "pt", "steps": json.dumps(list(steps)), "rows": json.dumps(changes)}


def _write(
    store: Store,
    steps: Sequence[Step],
    slots: Mapping[str, Slot],
    about: Mapping[str, str],
    contents: Mapping[str, Callable[[], Tensor]],
) -> tuple[str, int]:
    def fill(path: Path) -> None:
        with TensorFile(path, slots, about) as file:
            for key, content in contents.items():
                file.write_blocks(key, flat_blocks(content()))

    name = stacked_name(steps)
    return name, store.write(name, fill)
