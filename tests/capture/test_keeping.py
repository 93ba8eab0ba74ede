"""Tables and pages come back from the cache as they were."""

from __future__ import annotations

import tempfile
from itertools import count

import torch

from weightdesk.capture.cache import Cache
from weightdesk.capture.keeping import KeptPage, kept_page, kept_sections
from weightdesk.explain.images import Picture
from weightdesk.explain.page import Section, section
from weightdesk.runs.stores import open_store


def test_sections_come_back_with_titles_bars_notes_types_and_gaps() -> None:
    cache, made = Cache(open_store(tempfile.mkdtemp())), []

    def make() -> list[Section]:
        made.append(1)
        columns = {"layer": ["a", None], "step": [3, None], "score": [0.1, None], "peak": [None, None]}
        return [section("scores", columns, bars=["score"], note="95 % …"), section("empty", {"layer": []})]

    first, again = (kept_sections(cache, "scores", {"seed": 0}, make) for _ in range(2))
    assert first == again == tuple(make())
    assert len(made) == 2
    kept_sections(cache, "scores", {"seed": 1}, make)
    assert len(made) == 3
    assert kept_sections(cache, "none", {}, list) == kept_sections(cache, "none", {}, list) == ()


def test_pages_come_back_with_their_pictures() -> None:
    cache, made = Cache(open_store(tempfile.mkdtemp())), count()

    def make() -> KeptPage:
        number = next(made)
        tables = section("first", {"unit": [number]}), section("second", {"unit": [1, 2]}, bars=["unit"])
        return KeptPage(f"page {number}", tables, (Picture("α", torch.eye(3)[None], signed=True),))

    first, again = (kept_page(cache, "pictures", {"seed": 0}, make) for _ in range(2))
    for page in (first, again):
        assert page.title == "page 0"
        assert page.sections() == list(first.tables)
        (picture,) = page.images()
        assert (picture.name, picture.signed) == ("α", True)
        assert torch.equal(picture.values, torch.eye(3)[None])
    assert [each.title for each in again.sections()] == ["first", "second"]
    assert kept_page(cache, "pictures", {"seed": 1}, make).title != "page 0"


def test_pages_of_another_hand_are_computed_again() -> None:
    store = open_store(tempfile.mkdtemp())
    cache, page = Cache(store), KeptPage("page", (section("first", {"unit": [1]}),))
    for content in (b"[]", b"{}", b'{"title": "other", "pictures": [3]}', b"\xff"):
        facts = torch.tensor(list(content), dtype=torch.uint8)
        cache.get("pictures", {}, lambda facts=facts: {"page": facts})
        assert kept_page(cache, "pictures", {}, lambda: page).sections() == list(page.tables)
        for name in store.names("capture"):
            store.delete(name)
