from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import DataError
from weightdesk.training import Recipe, prepare
from weightdesk.training.data import Dataset
from weightdesk.training.data.words import PADDING, SPECIAL, UNKNOWN, numbered
from weightdesk.training.vocabulary import LEAST_USES, LONGEST, SHORTEST, known_words

WORDS = [f"w{number}" for number in range(12)]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=15)


def dataset(texts: list[list[str]]) -> Dataset:
    rows, tokens = numbered([" ".join(words) for words in texts])
    return Dataset(
        inputs=rows, targets=torch.arange(len(rows)) % 2, task="classification", class_names=("-", "+"),
        tokens=tokens,
    )  # fmt: skip


@given(st.lists(TEXT, min_size=4, max_size=8), st.integers(1, 9))
def test_only_the_training_part_says_which_words_there_are(texts: list[list[str]], at_most: int) -> None:
    train = list(range(len(texts) // 2))
    uses = Counter(word for place in train for word in texts[place])
    order = sorted((word for word in uses if uses[word] >= LEAST_USES), key=lambda word: (-uses[word], word))
    known = dict(zip(order[:at_most], range(len(SPECIAL), 99), strict=False))
    if not known:
        with pytest.raises(DataError, match="no word is in the training texts 2 times"):
            known_words(dataset(texts), torch.tensor(train), at_most)
        return
    found = known_words(dataset(texts), torch.tensor(train), at_most)
    assert found.tokens == (*SPECIAL, *known)
    length = max(SHORTEST, *(len(texts[place]) for place in train))
    assert found.inputs.shape == (len(texts), length)
    for row, words in zip(found.inputs.tolist(), texts, strict=True):
        numbers = [known.get(word, UNKNOWN) for word in words][-length:]
        assert row == numbers + [PADDING] * (length - len(numbers))


def test_of_a_very_long_text_the_last_words_are_read() -> None:
    long = ["start"] * 3 + ["middle"] * LONGEST + ["end"]
    found = known_words(dataset([long, long, ["end"]]), torch.tensor([0, 1]), 100)
    assert found.inputs.shape == (3, LONGEST)
    assert "start" in found.tokens  # counted, though it is not read
    assert found.inputs[0, -1] == found.tokens.index("end")


def test_the_words_of_held_out_texts_are_unknown() -> None:
    prepared = prepare(Recipe.create("reviews", examples=200, noise=1.0))
    train, test = (prepared.parts[part].inputs for part in ("train", "test"))
    assert set(train.unique().tolist()) == set(range(len(prepared.dataset.tokens)))
    uses = train[train > UNKNOWN].bincount(minlength=len(prepared.dataset.tokens))[len(SPECIAL) :]
    assert int(uses.min()) >= LEAST_USES
    assert uses.tolist() == sorted(uses.tolist(), reverse=True)
    assert (test == UNKNOWN).any()
    assert prepared.stored["dataset"]["tokens"] == list(prepared.dataset.tokens)
    assert "inputs" not in prepared.stored["standardisation"]


def test_the_vocabulary_can_be_limited() -> None:
    prepared = prepare(Recipe.create("reviews", examples=200, vocabulary=30))
    assert len(prepared.dataset.tokens) == 30 + len(SPECIAL)
    assert prepared.model.get_parameter("embedding.weight").shape == (32, 32)
