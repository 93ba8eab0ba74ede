"""What networks of text capture: planted words and phrases of `reviews` over five seeds, and real sentences.

Five trainings of the recipe, studied on the texts on which they were trained. A polar word is right
where its coordinate on the polarity axis has its sign; a phrase is found where it stands in one of the top five
phrases of some unit, or in the window of words that excites it there. The real sentences are SST-2, looked for in the
folder that the environment variable WEIGHTDESK_DATA names, or else beside the checkout.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, seconds
from squeezenet import DATA

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.text import deciding, negation, neighbours, polarity, top_phrases
from weightdesk.runs import open_run
from weightdesk.training import Recipe, prepare, train
from weightdesk.training.data.lexicon import planted

SEEDS = range(5)
TRUTH = planted()
SENTENCES = DATA / "sst2" / "train.tsv"


@dataclass(frozen=True)
class Found:
    """What was found in one training.

    Attributes:
        accuracy: on held-out reviews.
        words: share of planted polar words on their sides.
        start: the same before the training.
        random: the same with scrambled weights.
        phrases: share of planted phrases that are found, of phrases that the texts have 20 times or more.
        every: the same of all phrases.
        random_phrases: the first of them with scrambled weights.
        remainder: of the terms of 50 predictions, the largest relative to the sizes of the terms.
        turned: what "not" does to "good", in logits, and its bounds.
        taken: seconds for words and phrases.
    """

    accuracy: float
    words: float
    start: float
    random: float
    phrases: float
    every: float
    random_phrases: float
    remainder: float
    turned: tuple[float, float, float]
    taken: float


def measure() -> list[Row]:
    """Train with five seeds and study each network."""
    found = [_found(seed) for seed in SEEDS]
    words, phrases = (min(getattr(each, name) for each in found) for name in ("words", "phrases"))
    every = statistics.mean(each.every for each in found)
    remainder = max(each.remainder for each in found)
    rows = [
        ("reviews, held-out accuracy, worst of 5 seeds", min(each.accuracy for each in found)),
        ("… before the training, mean", statistics.mean(each.start for each in found)),
        ("… with scrambled weights, mean", statistics.mean(each.random for each in found)),
        ("… with scrambled weights, mean", statistics.mean(each.random_phrases for each in found)),
    ]
    accuracy, start, random, random_phrases = (Row(what, f"{figure:.1%}") for what, figure in rows)
    turned = "; ".join(
        f"{value:+.1f} ({low:+.1f} to {high:+.1f})" for value, low, high in (each.turned for each in found)
    )
    return [
        accuracy,
        Row("planted polar words on the right side, worst of 5", f"{words:.1%}", "≥ 95 %", words >= 0.95),
        start,
        random,
        Row("planted phrases in the top 5 of some unit, of those there 20 times, worst of 5", f"{phrases:.1%}", "≥ 90 %", phrases >= 0.9),
        Row("… of all phrases, mean of 5", f"{every:.1%}", "≥ 90 %", every >= 0.9),
        random_phrases,
        Row("terms of a prediction, largest remainder of 250", f"{remainder:.1e}", "≤ 1e-5", remainder <= 1e-5),
        Row("what 'not' does to 'good', by seed, in logits", turned),
        Row("words and phrases of one network, median", f"{statistics.median(each.taken for each in found):.0f} s"),
    ]  # fmt: skip


def _found(seed: int) -> Found:
    recipe = Recipe.create("reviews", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(recipe, f"{folder}/run")
        run = open_run(outcome.directory)
        last, first = (_specimen(recipe, run, step) for step in (-1, 0))
    random = last.with_model(scrambled(last.model, seed))
    shares: list[float] = []
    taken = seconds(lambda: shares.extend((_words(last), _phrases(last, 20))))
    turned = negation(last, "good", "not").effect.turned
    return Found(
        outcome.metrics["test"]["accuracy"], shares[0], _words(first), _words(random), shares[1], _phrases(last, 1),
        _phrases(random, 20), _remainder(last), (turned.value, turned.low, turned.high), taken,
    )  # fmt: skip


def _specimen(recipe: Recipe, run: object, step: int) -> Specimen:
    prepared = prepare(recipe)
    run.load_into(prepared.model, step)
    texts, known = prepared.parts["train"], prepared.dataset
    return Specimen(
        prepared.model.eval(), texts.inputs, texts.targets, known.class_names, tokens=known.tokens
    )


def _words(specimen: Specimen) -> float:
    found = polarity(specimen, draws=1, scrambles=1)
    return statistics.mean((found.coordinate(word).value > 0) == good for word, good in TRUTH.words.items())


def _phrases(specimen: Specimen, least: int) -> float:
    found = top_phrases(specimen, 5, least=least, scrambles=1).phrases
    texts = [f" {text} " for each in found for text in (each.words, each.window)]
    return statistics.mean(any(f" {phrase} " in text for text in texts) for phrase in TRUTH.phrases)


def _remainder(specimen: Specimen) -> float:
    found = (deciding(specimen, example, scrambles=1) for example in range(50))
    return max(abs(each.remainder) / float(each.terms.abs().sum()) for each in found)


def sentences() -> Iterator[str]:
    """What a network makes of real sentences, in lines to read."""
    recipe = Recipe.create(str(SENTENCES), text="1", target="2")
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(recipe, f"{folder}/run")
        specimen = _specimen(recipe, open_run(outcome.directory), -1)
    yield f"SST-2, {len(specimen)} sentences, held-out accuracy {outcome.metrics['test']['accuracy']:.1%}"
    for word in ("good", "bad", "funny", "dull"):
        near = neighbours(specimen, word, 6)
        yield f"{near.title}: {', '.join(near.words)}"
    found = polarity(specimen, draws=20, scrambles=2)
    often = [place for place in found.coordinates.argsort().tolist() if found.uses[place] >= 30]
    for end, places in (("negative", often[:20]), ("positive", often[:-21:-1])):
        yield f"most {end} of the words used 30 times: {', '.join(found.words[place] for place in places)}"
    agreement, random = found.agreement, found.scrambled
    yield (
        f"agreement of the axis with the sentences {agreement.value:.2f} ({agreement.low:.2f} to "
        f"{agreement.high:.2f}), with scrambled weights {random.value:.2f}"
    )
    phrases = top_phrases(specimen, 5, least=3, scrambles=1).phrases
    for each in sorted(phrases, key=lambda each: -abs(each.push or 0.0))[:20]:
        yield f"{each.words!r} pushes {each.push:+.2f} ({each.layer} {each.unit}, {each.count} times, share {each.share:.0%})"


def main() -> None:
    """Print the table, and the lines about real sentences where they are."""
    torch.set_num_threads(2)
    print(markdown(measure()))
    if SENTENCES.exists():
        print("\n" + "\n".join(f"- {line}" for line in sentences()))


if __name__ == "__main__":
    main()
