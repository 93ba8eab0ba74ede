"""On reviews with planted words and phrases these are found by name; scrambled weights find none."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.text import deciding, negation, polarity, top_phrases
from weightdesk.runs import open_run
from weightdesk.training import Recipe, prepare, train
from weightdesk.training.data.lexicon import planted

TRUTH = planted()


def trained(seed: int, folder: Path) -> Specimen:
    """The recipe's network, with the texts on which it was trained."""
    recipe = Recipe.create("reviews", seed=seed)
    prepared = prepare(recipe)
    open_run(train(recipe, folder).directory).load_into(prepared.model, -1)
    texts, known = prepared.parts["train"], prepared.dataset
    return Specimen(
        prepared.model.eval(), texts.inputs, texts.targets, known.class_names, tokens=known.tokens
    )


def right(specimen: Specimen) -> float:
    """The share of planted polar words on their sides."""
    found = polarity(specimen, draws=1, scrambles=1)
    sides = [(found.coordinate(word).value > 0) == good for word, good in TRUTH.words.items()]
    return sum(sides) / len(sides)


def named(specimen: Specimen) -> tuple[float, float]:
    """The share of planted phrases among the top 5 of some unit, and of one that pushes their class."""
    found = top_phrases(specimen, 5, scrambles=1).phrases
    texts = [(f" {each.words} | {each.window} ", (each.push or 0) > 0) for each in found]
    hits = {phrase: [push for text, push in texts if f" {phrase} " in text] for phrase in TRUTH.phrases}
    pushed = [praises in hits[phrase] for phrase, praises in TRUTH.phrases.items()]
    return sum(map(bool, hits.values())) / len(hits), sum(pushed) / len(hits)


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return trained(0, tmp_path_factory.mktemp("runs") / "reviews")


def some(specimen: Specimen, model: nn.Module | None = None) -> Specimen:
    """A part of the texts, perhaps with other weights."""
    return specimen.with_model(model or specimen.model).of_examples(range(1500))


def test_planted_words_and_phrases_are_found_in_one_training(specimen: Specimen) -> None:
    assert right(some(specimen)) >= 0.95
    assert min(named(some(specimen))) >= 0.7
    random = some(specimen, scrambled(specimen.model, 0))
    assert abs(right(random) - 0.5) < 0.2
    assert named(random)[1] < named(some(specimen))[1] - 0.2


def test_a_negated_word_is_turned_around_and_the_terms_of_a_prediction_add_up(specimen: Specimen) -> None:
    found = negation(specimen, "good", "not", scrambles=3)
    assert 0 < found.together < len(found.examples)
    assert found.effect.alone.low > 0 > found.effect.turned.high
    assert found.effect.turned.high < found.scrambled.low
    reasons = deciding(specimen, 3, scrambles=1)
    assert reasons.exact
    assert abs(reasons.remainder) <= 1e-5 * float(reasons.terms.abs().sum())


@pytest.mark.heavy
def test_planted_words_and_phrases_are_found_in_five_trainings(tmp_path: Path) -> None:
    for seed in range(5):
        found = trained(seed, tmp_path / str(seed))
        assert right(found) >= 0.95
        assert named(found)[0] >= 0.9
