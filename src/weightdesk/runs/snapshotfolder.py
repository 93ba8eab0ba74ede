"""Every tensor that a run keeps of its steps, whichever file it lies in.

A step's state dict lies in a file of its own, in part in a `partial` one, or as a row of a file of many
steps; its gradients, updates and optimizer state beside it. Readers ask here for a step and a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from jaxtyping import Shaped
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.runs.door import list_names
from weightdesk.runs.format import MAX_STEP, SNAPSHOTS, extra_name, partial_name, snapshot_name
from weightdesk.runs.jsontext import parse_json
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.snapshotreader import Entry, SnapshotReader
from weightdesk.runs.stackedsteps import rows_of, steps_of
from weightdesk.runs.stepfacts import StepFacts, read_step_facts
from weightdesk.runs.stores import Store
from weightdesk.types import ParameterName, Step

LEFT_OUT: Final = "left_out"
"""In the metadata of an extra file: a JSON list of the parameters for which there was no room."""

_NAME: Final = re.compile(
    rf"{SNAPSHOTS}/(?:(?P<step>\d{{8,}})(?P<kind>\.extra|\.partial)?|\d{{8,}}-\d{{8,}}\.rows\d+)\.safetensors",
    re.ASCII,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """Which snapshots there are.

    Attributes:
        whole: steps with a file of the whole state dict.
        extra: steps with a file of gradients, updates and optimizer state.
        partial: steps with a file of some parameters.
        rows: steps that are a row of a file of many, with the name of that file and the row.
    """

    whole: frozenset[Step]
    extra: frozenset[Step]
    partial: frozenset[Step]
    rows: Mapping[Step, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor of one step lies."""

    step: Step
    file: str
    entry: Entry

    def element(self, index: int) -> Entry:
        """One element of the tensor, by its row-major place."""
        size = self.entry.dtype.itemsize
        return Entry(self.entry.dtype, (1,), self.entry.offset + index * size, size)


class SnapshotFolder:
    """Reads the snapshots of a run; a step or a name that is not there raises `FileNotFoundError`.

    >>> from weightdesk.runs.snapshots import write_extra, write_snapshot
    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://folder")
    >>> _ = write_snapshot(store, 7, {"w": torch.arange(3.0)})
    >>> _ = write_extra(store, 7, {"w@gradient": torch.ones(3)})
    >>> folder = SnapshotFolder(store)
    >>> folder.whole_steps(), folder.steps_with("w@gradient"), folder.tensor(7, "w")
    ((7,), (7,), tensor([0., 1., 2.]))
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files = SnapshotReader(store)
        self._names: tuple[str, ...] = ()
        self._listing = Listing(frozenset(), frozenset(), frozenset(), {})
        self._rows: dict[str, list[dict[str, str]]] = {}  # by file of many steps

    def whole_steps(self) -> tuple[Step, ...]:
        """Steps of which the whole state dict is kept, ascending."""
        listing = self._list()
        return tuple(sorted(listing.whole | listing.rows.keys()))

    def extra_steps(self, parameter: ParameterName | None = None) -> tuple[Step, ...]:
        """Steps of which gradients, updates and optimizer state are kept; of a parameter, if it is given."""
        listing = self._list()
        steps = listing.extra | listing.rows.keys()
        return tuple(step for step in sorted(steps) if parameter is None or not self._lacks(step, parameter))

    def has_extra(self, step: Step, parameter: ParameterName) -> bool:
        """Whether gradient, update and optimizer state of a parameter are kept of a step.

        Files are not listed again for it: a step that is as new as that may be missed.
        """
        is_listed = step in self._listing.extra or step in self._listing.rows
        return is_listed and not self._lacks(step, parameter)

    def steps_with(self, key: str) -> tuple[Step, ...]:
        """Steps of which a tensor is kept, by its name in the state dict or in the extra file."""
        return tuple(place.step for place in self._places(key))

    def find(self, step: Step, key: str) -> Place:
        """Where a tensor of a step lies."""
        return self._again(lambda: self._find(step, key))

    def tensor(self, step: Step, key: str) -> Tensor:
        """A copy of the whole tensor."""
        return self._again(lambda: self._at(self._find(step, key)))

    def units(self, step: Step, key: str, start: int, stop: int) -> Tensor:
        """A copy of some units of the tensor, read without the others."""

        def read() -> Tensor:
            place = self._find(step, key)
            entry = place.entry
            first, end, _ = slice(start, stop).indices(entry.shape[0])
            count, length = max(0, end - first), entry.length // max(1, entry.shape[0])
            offset, shape = entry.offset + first * length, (count, *entry.shape[1:])
            return self._files.at(place.file, Entry(entry.dtype, shape, offset, count * length))

        return self._again(read)

    def element(self, step: Step, key: str, index: int) -> Shaped[Tensor, " 1"]:
        """One element of the tensor, by its row-major place."""

        def read() -> Tensor:
            place = self._find(step, key)
            return self._files.at(place.file, place.element(index))

        return self._again(read)

    def elements(
        self, key: str, index: int, parameter: Parameter
    ) -> tuple[list[Step], Shaped[Tensor, " steps"]]:
        """One element at all steps that keep the tensor: a small read each, at a known place.

        Arguments:
            key: the tensor's name.
            index: the element's row-major place.
            parameter: that it belongs to. Steps before it took its shape and type are left out.

        Raises:
            RunFormatError: a tensor has another shape, or not the type that the others have.
        """
        places = [place for place in self._places(key) if place.step >= parameter.first_step]
        for place in places:
            if (place.entry.shape, place.entry.dtype) != (parameter.shape, places[-1].entry.dtype):
                raise RunFormatError(
                    f"{self._store.location}/{place.file} is damaged: {key!r} is {place.entry.dtype} of "
                    f"shape {place.entry.shape}, expected {places[-1].entry.dtype} of {parameter.shape}"
                )
        steps: list[Step] = []
        contents: list[bytes] = []
        dtype = torch.float32
        for place in places:
            element = place.element(index)
            try:
                contents.append(self._files.read(place.file, element.offset, element.length))
            except FileNotFoundError:
                continue  # thinned away since the steps were listed
            steps.append(place.step)
            dtype = element.dtype
        content = bytearray(b"".join(contents))
        return steps, torch.frombuffer(content, dtype=dtype) if steps else torch.empty(0, dtype=dtype)

    def keys(self, step: Step, parameter: ParameterName) -> list[str]:
        """What the step keeps beside the weights of a parameter, such as `gradient`."""
        prefix = f"{parameter}@"

        def read() -> list[str]:
            header = self._files.header(self.extra_file(step))
            names = (*header.entries, *(key for key, tie in header.metadata.items() if tie in header.entries))
            return sorted({name.removeprefix(prefix) for name in names if name.startswith(prefix)})

        return self._again(read)

    def facts(self, step: Step) -> StepFacts:
        """The optimizer that made the step, its options and the loss scale."""
        metadata = self._again(lambda: self._about(step))
        return read_step_facts(metadata, f"{self._store.location}/{self.extra_file(step)}")

    def state(self, step: Step) -> dict[str, Tensor]:
        """The whole state dict of a step, tied tensors once; `state_metadata` has their other names."""

        def read() -> dict[str, Tensor]:
            entries = self._files.header(self.whole_file(step)).entries
            return {key: self._at(self._find(step, key)) for key in entries if "@" not in key}

        return self._again(read)

    def state_metadata(self, step: Step) -> dict[str, str]:
        """What a snapshot says of itself; by each further name of a tied tensor, the one that is there."""

        def read() -> dict[str, str]:
            header = self._files.header(self.whole_file(step))
            if step in self._listing.whole:
                return dict(header.metadata)
            ties = {name: tie for name, tie in header.metadata.items() if tie in header.entries}
            weights = {name: tie for name, tie in ties.items() if "@" not in name}
            return {"format": "pt", "step": str(step), **weights}

        return self._again(read)

    def whole_file(self, step: Step) -> str:
        """Name of the file that has the whole state dict of a step."""
        listing = self._listing
        if step not in listing.whole and step in listing.rows:
            return listing.rows[step][0]
        return snapshot_name(step)

    def _again(self, read: Callable[[], T]) -> T:
        """Read; once more with a fresh list of files, if they are others by now."""
        try:
            return read()
        except FileNotFoundError:
            self._list()
            return read()

    def _list(self) -> Listing:
        names = tuple(name for name in list_names(self._store, SNAPSHOTS) if _NAME.fullmatch(name))
        if names != self._names:
            self._listing, self._names = self._listed(names), names
        return self._listing

    def _listed(self, names: Iterable[str]) -> Listing:
        steps: dict[str | None, set[Step]] = {None: set(), ".extra": set(), ".partial": set()}
        rows: dict[Step, tuple[str, int]] = {}
        for name in names:
            found = _NAME.fullmatch(name)
            if found is not None and found["step"]:
                step = int(found["step"])
                if step <= MAX_STEP and f"{step:08d}" == found["step"]:  # else readers would look elsewhere
                    steps[found["kind"]].add(step)
                continue
            try:
                rows |= {step: (name, row) for row, step in enumerate(self._checked(name, steps_of))}
            except FileNotFoundError:
                continue  # merged or thinned since the folder was listed
        whole, extra, partial = (frozenset(steps[kind]) for kind in (None, ".extra", ".partial"))
        return Listing(whole, extra, partial, rows)

    def _checked(self, name: str, read: Callable[[Mapping[str, str]], T]) -> T:
        try:
            return read(self._files.header(name).metadata)
        except RunFormatError:
            raise
        except ValueError as error:
            raise RunFormatError(
                f"{self._store.location}/{name} is damaged: it does not say which steps it has ({error}); "
                "remove it to read the rest of the run"
            ) from None

    def _places(self, key: str) -> Iterator[Place]:
        listing = self._list()
        files = listing.extra if "@" in key else listing.whole | listing.partial
        for step in sorted(files | listing.rows.keys()):
            try:
                yield self._find(step, key)
            except FileNotFoundError:
                continue

    def _find(self, step: Step, key: str) -> Place:
        listing = self._listing
        files = []
        if "@" in key:
            files += [extra_name(step)] if step in listing.extra else []
        else:
            files += [snapshot_name(step)] if step in listing.whole else []
            files += [partial_name(step)] if step in listing.partial else []
        for file in files:
            if (entry := self._files.header(file).find(key)) is not None:
                return Place(step, file, entry)
        if step in listing.rows:
            file, row = listing.rows[step]
            if (entry := self._files.header(file).find(key)) is not None:
                if row >= (entry.shape or (0,))[0]:
                    raise RunFormatError(
                        f"{self._store.location}/{file} is damaged: {key!r} has no row for each of its "
                        "steps; remove it to read the rest of the run"
                    )
                length = entry.length // entry.shape[0]
                stacked = Entry(entry.dtype, entry.shape[1:], entry.offset + row * length, length)
                return Place(step, file, stacked)
        raise FileNotFoundError(f"{key} of step {step}")

    def extra_file(self, step: Step) -> str:
        """Name of the file that has what is kept beside the weights of a step."""
        listing = self._listing
        if step in listing.extra:
            return extra_name(step)
        if step in listing.rows:
            return listing.rows[step][0]
        raise FileNotFoundError(extra_name(step))

    def _about(self, step: Step) -> Mapping[str, str]:
        """Metadata of what is kept beside the weights of a step."""
        file = self.extra_file(step)
        metadata = self._files.header(file).metadata
        if step in self._listing.extra:
            return metadata
        if file not in self._rows:
            self._rows[file] = self._checked(file, rows_of)
        return self._rows[file][self._listing.rows[step][1]]

    def _lacks(self, step: Step, parameter: ParameterName) -> bool:
        try:
            left_out = self._about(step).get(LEFT_OUT)
            return left_out is not None and parameter in _names(left_out)
        except FileNotFoundError:
            return True

    def _at(self, place: Place) -> Tensor:
        return self._files.at(place.file, place.entry)


def _names(text: str) -> list[object]:
    """A JSON list of names; an empty one if it is none."""
    try:
        names = parse_json(text.encode())
    except ValueError:
        return []
    return names if isinstance(names, list) else []
