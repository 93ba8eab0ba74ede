"""Parts of parameters: some places on each axis of one tensor."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, SupportsIndex, TypeAlias

from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.runs import Parameter
from weightdesk.types import ParameterName

Rows: TypeAlias = frozenset[int] | None
"""Places on a parameter's first axis; None where any of them is meant."""

Changes: TypeAlias = Mapping[ParameterName, Rows]
"""Which rows of which parameters may differ."""


@dataclass(frozen=True)
class Span:
    """Several places on one axis: a slice that can be compared and hashed.

    >>> str(Span(64, 128)), str(Span()), str(Span(None, 8, 2))
    ('64:128', ':', ':8:2')
    """

    start: int | None = None
    stop: int | None = None
    step: int = 1

    @property
    def slice(self) -> slice:
        """The same as Python and torch write it."""
        return slice(self.start, self.stop, self.step)

    def __str__(self) -> str:
        ends = ":".join("" if end is None else str(end) for end in (self.start, self.stop))
        return ends if self.step == 1 else f"{ends}:{self.step}"


Entry: TypeAlias = int | Span
"""What an index says about one axis."""

GivenIndex: TypeAlias = SupportsIndex | slice | Span | Iterable[SupportsIndex | slice | Span]
"""An index as people give it."""

ALL: Final = Span()


@dataclass(frozen=True)
class Part:
    """Some weights of one parameter.

    Attributes:
        parameter: its canonical name.
        index: for the leading axes a place or a span; nothing for the whole parameter.

    >>> import torch
    >>> part = Part("fc.weight", (2, Span(0, 2)))
    >>> part.of(torch.arange(12).view(3, 4)), part.rows
    (tensor([8, 9]), frozenset({2}))
    """

    parameter: ParameterName
    index: tuple[Entry, ...] = ()

    def of(self, tensor: Tensor) -> Tensor:
        """These weights of the parameter's tensor, as a view of it."""
        return tensor[tuple(each.slice if isinstance(each, Span) else each for each in self.index)]

    @property
    def rows(self) -> Rows:
        """The rows in which these weights lie."""
        if not self.index or self.index[0] == ALL:
            return None
        first = self.index[0]
        if isinstance(first, int):
            return frozenset((first,))
        return frozenset(range(first.start or 0, first.stop or 0, first.step))


def changes_of(parts: Iterable[Part]) -> Changes:
    """The rows of all parts together.

    >>> dict(changes_of([Part("w", (3,)), Part("w", (5,)), Part("b")]))
    {'w': frozenset({3, 5}), 'b': None}
    """
    found: dict[ParameterName, Rows] = {}
    for part in parts:
        rows, before = part.rows, found.get(part.parameter, frozenset())
        found[part.parameter] = None if rows is None or before is None else before | rows
    return found


def joined(changes: Iterable[Changes]) -> Changes:
    """The rows of all changes together.

    >>> joined([{"w": frozenset({1})}, {"w": frozenset({2}), "b": None}]) == {"w": {1, 2}, "b": None}
    True
    """
    found: dict[ParameterName, set[int] | None] = {}
    for each in changes:
        for name, rows in each.items():
            known = found.setdefault(name, set())
            if rows is None or known is None:
                found[name] = None
            else:
                known |= rows
    return {name: rows if rows is None else frozenset(rows) for name, rows in found.items()}


def entries_of(index: GivenIndex) -> tuple[Entry, ...]:
    """An index as people give it, axis by axis.

    >>> entries_of(3), entries_of((0, slice(64, 128)))
    ((3,), (0, Span(start=64, stop=128, step=1)))
    """
    single = isinstance(index, (SupportsIndex, slice, Span))
    return tuple(map(_entry, (index,) if single else index))  # type: ignore[arg-type]


def index_text(index: Sequence[Entry]) -> str:
    """An index as it is written: `3,64:128`."""
    return ",".join(map(str, index))


def index_within(parameter: Parameter, index: Sequence[Entry]) -> tuple[Entry, ...]:
    """The index without negative entries, open ends and trailing spans over all of an axis.

    Raises:
        IndexRangeError: it does not lie inside the parameter's shape, or means no weight.

    >>> str(index_within(Parameter("fc.weight", (10, 64), "float32"), (-1, Span(-4))) [1])
    '60:64'
    """
    if not index:  # also of a parameter without weights
        return ()
    missing = [0] * (len(parameter.shape) - len(index))
    try:  # both ends of every span are themselves places, which the parameter can check
        first = parameter.index([_first(each) for each in index] + missing)
        last = parameter.index([_last(each) for each in index] + missing)
    except IndexRangeError:
        raise IndexRangeError(_outside(parameter, index)) from None
    entries = [
        each if isinstance(given, Span) else start
        for given, start, each in zip(index, first, _spans(parameter, index, first, last), strict=False)
    ]
    while entries and entries[-1] == ALL:
        entries.pop()
    return tuple(entries)


def _spans(
    parameter: Parameter, index: Sequence[Entry], first: Sequence[int], last: Sequence[int]
) -> list[Span]:
    spans = []
    for given, start, end, size in zip(index, first, last, parameter.shape, strict=False):
        step = given.step if isinstance(given, Span) else 1
        if isinstance(given, Span) and (given.stop == 0 or start > end):
            raise IndexRangeError(
                f"[{index_text(index)}] of {parameter.name} of shape {parameter.shape} is empty: "
                f"{given} must begin before it ends"
            )
        spans.append(ALL if (start, end, step) == (0, size - 1, 1) else Span(start, end + 1, step))
    return spans


def _outside(parameter: Parameter, index: Sequence[Entry]) -> str:
    ends = ", ".join(f"0…{size - 1}" if size else "none" for size in parameter.shape)
    return (
        f"[{index_text(index)}] lies outside {parameter.name} of shape {parameter.shape}: expected [{ends}]"
    )


def _entry(given: SupportsIndex | slice | Span) -> Entry:
    if not isinstance(given, (slice, Span)):
        return operator.index(given)
    step = 1 if given.step is None else operator.index(given.step)
    if step < 1:
        raise OptionError(f"the step of a slice must be 1 or more, got {step}")
    start, stop = (None if end is None else operator.index(end) for end in (given.start, given.stop))
    return Span(start, stop, step)


def _first(entry: Entry) -> int:
    return entry if isinstance(entry, int) else entry.start or 0


def _last(entry: Entry) -> int:
    if isinstance(entry, int):
        return entry
    return -1 if entry.stop is None else entry.stop - 1
