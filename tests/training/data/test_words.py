from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.training.data.words import PADDING, SPECIAL, UNKNOWN, Encoder, numbered, words_of

TEXTS = st.lists(st.text("abcé'’ .!\n", max_size=20), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A stirring, funny film!", ["a", "stirring", ",", "funny", "film", "!"]),
        ("It isn't; it wo n't.", ["it", "isn't", ";", "it", "wo", "n't", "."]),
        ("l’été 1930s", ["l’été", "1930s"]),
        ("<unk> of <b>", ["<unk>", "of", "<", "b", ">"]),
        (" \n\t", []),
    ],
)
def test_words_are_lower_cased_and_punctuation_stands_apart(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(TEXTS)
def test_numbers_can_be_read_back(texts: list[str]) -> None:
    rows, tokens = numbered(texts)
    assert tokens[: len(SPECIAL)] == SPECIAL
    assert list(tokens[len(SPECIAL) :]) == sorted({word for text in texts for word in words_of(text)})
    for row, text in zip(rows.tolist(), texts, strict=True):
        words = words_of(text)
        assert [tokens[each] for each in row[: len(words)]] == words
        assert set(row[len(words) :]) <= {PADDING}


@given(TEXTS, st.integers(0, 30))
def test_the_encoder_gives_what_the_rows_hold(texts: list[str], length: int) -> None:
    rows, tokens = numbered(texts)
    encode = Encoder(tokens, rows.shape[1])
    for row, text in zip(rows.tolist(), texts, strict=True):
        assert encode(text) == (row if words_of(text) else [])
        assert len(Encoder(tokens, length)(text)) == (
            max(length, len(words_of(text))) if words_of(text) else 0
        )


def test_what_is_not_known_says_so() -> None:
    _, tokens = numbered(["good film"])
    assert Encoder(tokens, 4)("good <unk> zebra") == [tokens.index("good"), UNKNOWN, UNKNOWN, PADDING]


def test_nothing_at_all_gives_empty_rows() -> None:
    rows, tokens = numbered(["", " "])
    assert rows.shape == (2, 0)
    assert rows.dtype == torch.long
    assert tokens == SPECIAL
