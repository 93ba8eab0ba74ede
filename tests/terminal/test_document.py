from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from weightdesk.terminal.document import document


@dataclass(frozen=True)
class Facts:
    place: Path
    values: tuple[float, ...]
    parts: dict[str, dict[str, float]]


def test_facts_become_plain_json_in_the_order_of_their_fields() -> None:
    text = document(Facts(Path("a/b"), (1.0, math.inf, math.nan), {"test": {"loss": -math.inf}}))
    assert list(json.loads(text)) == ["place", "values", "parts"]
    assert json.loads(text) == {
        "place": "a/b",
        "values": [1.0, None, None],
        "parts": {"test": {"loss": None}},
    }


def test_words_stay_readable() -> None:
    assert "größe" in document({"name": "größe"})
