from __future__ import annotations

import pytest

from weightdesk.runs.manifest import STATUSES
from weightdesk.terminal.status import status_text


@pytest.mark.parametrize("status", [*STATUSES, "killed", "damaged"])
def test_every_status_has_a_sign_a_word_and_a_colour(status: str) -> None:
    text = status_text(status)
    assert text.plain[0] != "?"
    assert text.plain.endswith(status)
    assert text.style


def test_a_word_of_a_later_version_is_shown_as_it_is() -> None:
    assert status_text("paused").plain == "? paused"
