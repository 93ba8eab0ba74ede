"""Nothing that commands a terminal gets through, and what can be read stays as it is."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.terminal.visible import json_visible, visible

ANYTHING = st.text(st.characters(exclude_categories=()))  # surrogates and unassigned ones included


@given(ANYTHING)
def test_only_text_and_its_layout_are_left(text: str) -> None:
    shown = visible(text)
    assert {unicodedata.category(each) for each in shown if each not in "\n\t"}.isdisjoint(
        {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
    )
    assert visible(shown) == shown
    shown.encode()


@given(ANYTHING)
def test_json_means_the_same_and_is_as_harmless(text: str) -> None:
    told = json_visible(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(told) == {text: [text]}
    assert visible(told) == told


def test_every_control_character_and_mark_of_direction_is_an_escape() -> None:
    marks = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    marks += [0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029, 0x61C, 0xAD, 0xFEFF, 0xD800, 0xE0001]
    for mark in set(marks) - {ord("\n"), ord("\t")}:
        assert visible(f"a{chr(mark)}b").startswith("a\\")


@pytest.mark.parametrize(
    "text", ["héllo wörld", "日本語", "Ελληνικά", "עברית", "a\u00a0b", "─│█⣿▏…×²∞", "e\u0301", "👍", "a\tb\n"]
)
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


def test_no_character_fails() -> None:
    everything = "".join(map(chr, [*range(0x3000), *range(0x3000, sys.maxunicode + 1, 97)]))
    visible(everything).encode()
    json_visible(everything).encode()
