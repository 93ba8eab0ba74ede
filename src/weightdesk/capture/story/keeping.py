"""Tables kept in a cache: each section as an Arrow stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import torch
from torch import Tensor

from weightdesk.capture.cache import Arrays, Cache
from weightdesk.explain.page import Section

_ABOUT: Final = b"section"


def kept_sections(
    cache: Cache, kind: str, about: Mapping[str, Any], make: Callable[[], Iterable[Section]]
) -> tuple[Section, ...]:
    """The sections about something: those that are kept, or new ones, which are kept from now on.

    Arguments:
        cache: keeps them.
        kind: what is asked, a word such as `separability`.
        about: everything that decides the answer, as plain JSON values.
        make: computes them.

    >>> from weightdesk.explain.page import section
    >>> made = section("scores", {"layer": ["a"], "score": [0.5]}, note="of one layer")
    >>> kept_sections(Cache(), "scores", {}, lambda: [made]) == (made,)
    True
    """
    return _read(cache.get(kind, about, lambda: _written(make())))


def _written(sections: Iterable[Section]) -> dict[str, Tensor]:
    return {f"{number:04d}": _bytes(each) for number, each in enumerate(sections)}


def _bytes(part: Section) -> Tensor:
    about = json.dumps({"title": part.title, "bars": part.bars, "note": part.note})
    table = part.table.replace_schema_metadata({_ABOUT: about})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return torch.frombuffer(bytearray(sink.getvalue()), dtype=torch.uint8)


def _read(arrays: Arrays) -> tuple[Section, ...]:
    return tuple(_section(arrays[name]) for name in sorted(arrays))


def _section(values: Tensor) -> Section:
    table = pa.ipc.open_stream(values.numpy().tobytes()).read_all()
    about = json.loads(table.schema.metadata[_ABOUT])
    return Section(about["title"], table.replace_schema_metadata(), tuple(about["bars"]), about["note"])
