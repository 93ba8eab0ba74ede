from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.runs import jsontext
from weightdesk.runs.jsontext import parse_json

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_whatever_json_can_hold_comes_back(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"nothing", b"[1,]", b"\xff", b'"\xed\xa0\x80"', b'"\\ud800"', b"[NaN]", b"[Infinity]"),
        *(b"[1e999]", b"[-1e999]", b"[18446744073709551616]", b"[-9223372036854775809]", b"9" * 5000),
        *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 500 + b"]" * 500),
    ],
)
def test_other_texts_are_refused_in_one_short_line(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_large_text_and_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsontext, "MAX_BYTES", 100)
    assert parse_json(b'"' + b"x" * 98 + b'"') == "x" * 98
    with pytest.raises(ValueError, match="101 bytes of JSON are more than the 100"):
        parse_json(b'"' + b"x" * 99 + b'"')
    monkeypatch.setattr(jsontext, "MAX_VALUES", 8)
    assert parse_json(b"[1,2,3,4,5,6,7,8]") == list(range(1, 9))
    with pytest.raises(ValueError, match="more than the 8 values"):
        parse_json(b"[[],[],[],[],[]]")
