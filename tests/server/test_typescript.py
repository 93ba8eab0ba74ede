from __future__ import annotations

from pathlib import Path

import pytest

from weightdesk.server.questions import QUESTIONS
from weightdesk.server.typescript import typescript

WRITTEN = Path(__file__).parents[2] / "web" / "src" / "messages.ts"


def test_the_page_knows_the_messages_as_they_are() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == typescript(), "run `make messages`"


@pytest.mark.parametrize("kind", QUESTIONS)
def test_every_question_has_an_interface(kind: str) -> None:
    question = QUESTIONS[kind]
    assert f"  {kind}: {question.__name__};" in typescript()
    assert f"export interface {question.__name__} {{" in typescript()


def test_optional_fields_and_arrays_have_their_types() -> None:
    text = typescript()
    assert "readonly values: Numbers<Float32Array>;" in text
    assert "readonly turns?: readonly string[];" in text
    assert "readonly loss: number | null;" in text
