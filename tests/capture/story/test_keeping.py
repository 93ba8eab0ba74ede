"""Tables come back from the cache as they were."""

from __future__ import annotations

import tempfile

from weightdesk.capture.cache import Cache
from weightdesk.capture.story.keeping import kept_sections
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
