"""Pages kept in a cache: each section as an Arrow stream, each picture as its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import torch
from torch import Tensor

from weightdesk.capture.cache import Arrays, Cache
from weightdesk.explain.images import Picture
from weightdesk.explain.page import Page, Section

_ABOUT: Final = b"section"
_SECTION, _PICTURE, _FACTS = "section ", "picture ", "page"


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
    return cache.get_parsed(kind, about, lambda: _written(make()), _read)


@dataclass(frozen=True, eq=False)
class KeptPage(Page):
    """A page as it comes back: what it says, and not how it was found.

    Attributes:
        heading: its title.
        tables: its sections.
        pictures: its images.
    """

    heading: str
    tables: tuple[Section, ...]
    pictures: tuple[Picture, ...] = ()

    @property
    def title(self) -> str:
        """As of the page that was kept."""
        return self.heading

    def sections(self) -> list[Section]:
        """As of the page that was kept."""
        return list(self.tables)

    def images(self) -> list[Picture]:
        """As of the page that was kept."""
        return list(self.pictures)


def kept_page(cache: Cache, kind: str, about: Mapping[str, Any], make: Callable[[], Page]) -> KeptPage:
    """The page about something: the one that is kept, or a new one, which is kept from now on.

    Arguments are those of `kept_sections`.

    >>> made = KeptPage("scores", ())
    >>> kept_page(Cache(), "scores", {}, lambda: made).title
    'scores'
    """
    return cache.get_parsed(kind, about, lambda: _page(make()), _read_page)


def _read_page(found: Arrays) -> KeptPage:
    facts = json.loads(found[_FACTS].numpy().tobytes())
    pictures = tuple(
        Picture(name, found[f"{_PICTURE}{number:04d}"], signed)
        for number, (name, signed) in enumerate(facts["pictures"])
    )
    return KeptPage(facts["title"], _read(found), pictures)


def _page(page: Page) -> dict[str, Tensor]:
    images = page.images()
    facts = {"title": page.title, "pictures": [(each.name, each.signed) for each in images]}
    found = {_FACTS: _text(json.dumps(facts)), **_written(page.sections())}
    return found | {f"{_PICTURE}{number:04d}": each.values for number, each in enumerate(images)}


def _text(text: str) -> Tensor:
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def _written(sections: Iterable[Section]) -> dict[str, Tensor]:
    return {f"{_SECTION}{number:04d}": _bytes(each) for number, each in enumerate(sections)}


def _bytes(part: Section) -> Tensor:
    about = json.dumps({"title": part.title, "bars": part.bars, "note": part.note})
    table = part.table.replace_schema_metadata({_ABOUT: about})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return torch.frombuffer(bytearray(sink.getvalue()), dtype=torch.uint8)


def _read(arrays: Arrays) -> tuple[Section, ...]:
    return tuple(_section(arrays[name]) for name in sorted(arrays) if name.startswith(_SECTION))


def _section(values: Tensor) -> Section:
    table = pa.ipc.open_stream(values.numpy().tobytes()).read_all()
    table.validate(full=True)  # it may be of another hand, and wrong offsets would be followed anywhere
    about = json.loads(table.schema.metadata[_ABOUT])
    return Section(about["title"], table.replace_schema_metadata(), tuple(about["bars"]), about["note"])
