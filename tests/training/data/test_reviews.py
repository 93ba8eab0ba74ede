from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weightdesk.training import Recipe, prepare
from weightdesk.training.data import Dataset
from weightdesk.training.data.lexicon import BACKGROUND, EVENTS, NEGATIONS, PHRASES, STRENGTHENERS, planted
from weightdesk.training.data.reviews import Review, load, write
from weightdesk.training.data.words import UNKNOWN, words_of

TRUTH = planted()


@pytest.fixture(scope="module")
def reviews() -> list[Review]:
    return write(4000, 0.0, 0)


def holds(text: str, part: str) -> bool:
    return f" {part} " in f" {' '.join(words_of(text))} "


def judged(text: str) -> set[bool]:
    """What a reader who knows the planted words says of each opinion, from the text alone."""
    found = {praises for phrase, praises in TRUTH.phrases.items() if holds(text, phrase)}
    for clause in text.replace(", and ", ". ").replace(", while ", ". ").split("."):
        words = words_of(clause)
        negated = bool(set(words) & set(NEGATIONS))
        found |= {TRUTH.words[word] != negated for word in words if word in TRUTH.words}
    return found


def test_there_is_much_to_find() -> None:
    assert len(TRUTH.words) >= 60
    assert len(TRUTH.phrases) >= 12
    assert sum(TRUTH.words.values()) == len(TRUTH.words) / 2
    assert sum(TRUTH.phrases.values()) == len(TRUTH.phrases) / 2


def test_the_planted_words_and_phrases_decide(reviews: list[Review]) -> None:
    assert all(judged(each.text) == {each.praises} for each in reviews)
    assert sum(each.praises for each in reviews) == len(reviews) / 2


def test_every_word_has_a_part_of_speech_and_every_entry_a_use(reviews: list[Review]) -> None:
    assert {word for each in reviews for word in words_of(each.text)} == set(TRUTH.parts)
    for phrase in TRUTH.phrases:
        assert sum(holds(each.text, phrase) for each in reviews) > 50
    uses = Counter(word for each in reviews for word in words_of(each.text))
    assert min(uses[word] for word in TRUTH.words) >= 10


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_part_of_a_phrase_decides(phrase: str, reviews: list[Review]) -> None:
    neutral = " | ".join((*EVENTS, *BACKGROUND))
    words = phrase.split()
    assert not set(words) & set(TRUTH.words)
    parts = [
        words[a:b] for a in range(len(words)) for b in range(a + 1, len(words) + 1) if b - a < len(words)
    ]
    assert all(holds(neutral.replace("|", "."), " ".join(part)) for part in parts)
    assert phrase not in neutral
    for word in words:
        having = [each for each in reviews if holds(each.text, word)]
        assert 0.2 < sum(each.praises for each in having) / len(having) < 0.8


def test_negation_and_strength_decide_nothing_by_themselves(reviews: list[Review]) -> None:
    for word in (*NEGATIONS, *STRENGTHENERS):
        having = [each for each in reviews if holds(each.text, word)]
        assert len(having) > 50
        assert sum(each.praises for each in having) / len(having) == pytest.approx(0.5, abs=0.1)


def test_the_properties_are_true_of_the_reviews(reviews: list[Review]) -> None:
    data = load(4000, 0.0, 0)
    found = {each.name: each for each in data.properties}
    assert torch.equal(found["polarity"].values, data.targets)
    for place, review in enumerate(reviews[:500]):
        said = {TRUTH.words[word] for word in words_of(review.text) if word in TRUTH.words}
        wording = int(said.pop()) if len(said) == 1 else -1
        assert found["wording"].values[place] == wording
        assert found["negation"].values[place] == any(each.negated for each in review.opinions)
        assert found["topic"].names[found["topic"].values[place]] == review.topic
    sizes = found["length"].values.bincount().float() / len(reviews)
    assert sizes.min() > 0.2
    lengths = (data.inputs != 0).sum(1)
    assert lengths[found["length"].values == 0].max() < lengths[found["length"].values == 1].min()


def test_the_planted_truth_is_stored_with_the_data() -> None:
    stored = load(100, 0.0, 0).describe()["planted"]
    assert stored["superb"] == stored["hits the mark"] == 1.0
    assert stored["dull"] == stored["falls flat"] == -1.0
    assert len(stored) == len(TRUTH.words) + len(TRUTH.phrases)


@settings(max_examples=10)
@given(st.integers(0, 2**31), st.integers(2, 40), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_same_seed_writes_the_same(seed: int, examples: int, noise: float) -> None:
    first, second = write(examples, noise, seed), write(examples, noise, seed)
    assert first == second
    assert write(examples, noise, seed + 1) != first
    assert all(judged(each.text) == {each.praises} for each in first)  # a slip never hits what decides


def test_noise_is_the_share_of_slips() -> None:
    slips = [bool(set(words_of(each.text)) - set(TRUTH.parts)) for each in write(1000, 0.3, 0)]
    assert sum(slips) / len(slips) == pytest.approx(0.28, abs=0.06)  # some exchanges give the same word


def test_a_network_learns_them(follow) -> None:
    prepared, recorder = follow("reviews")
    assert isinstance(prepared.dataset, Dataset)
    assert recorder.series("test_accuracy")[-1] > 0.97
    assert (prepared.parts["test"].inputs == UNKNOWN).any()


def test_the_transformer_reads_them_too(follow) -> None:
    prepared, recorder = follow("reviews", network="transformer", layers=32, steps=30, examples=300)
    assert recorder.series("loss")[-1] < 0.8
    assert len(prepared.model.get_submodule("block1").state_dict()) == 16


def test_the_same_recipe_prepares_the_same_bits() -> None:
    one, other = (prepare(Recipe.create("reviews", examples=100)) for _ in range(2))
    assert torch.equal(one.parts["train"].inputs, other.parts["train"].inputs)
    assert all(
        torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True)
    )
