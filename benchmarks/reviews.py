"""What networks of text capture: planted words and phrases of `reviews` over five seeds, and real sentences.

Five trainings of the recipe, studied on the texts on which they were trained. A polar word is right where
its coordinate on the polarity axis has its sign; a phrase is found where it is one of the top five
phrases of some unit, or in the window of words that excites it there. The real sentences are SST-2, in
the folder of data that `squeezenet.py` describes.
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
from weightdesk.runs import Run, open_run
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
        phrases: share of planted phrases that are found.
        pushed: the same where only units count that push the class of the phrase.
        random_phrases: the first of them with scrambled weights.
        random_pushed: the second with scrambled weights.
        remainder: of the terms of 50 predictions, the largest relative to the sizes of the terms.
        turned: what "not" does to "good", in logits, and its bounds.
        taken: seconds for words and phrases.
    """

    accuracy: float
    words: float
    start: float
    random: float
    phrases: float
    pushed: float
    random_phrases: float
    random_pushed: float
    remainder: float
    turned: tuple[float, float, float]
    taken: float


def measure() -> list[Row]:
    """Train with five seeds and study each network."""
    found = [_found(seed) for seed in SEEDS]

    def mean(name: str) -> str:
        return f"{statistics.mean(getattr(each, name) for each in found):.1%}"

    def worst(name: str, what: str, reach: float) -> Row:
        figure = min(getattr(each, name) for each in found)
        return Row(what, f"{figure:.1%}, mean {mean(name)}", f"≥ {reach:.0%}", figure >= reach)

    remainder = max(each.remainder for each in found)
    turned = "; ".join("{:+.1f} ({:+.1f} to {:+.1f})".format(*each.turned) for each in found)
    taken = statistics.median(each.taken for each in found)
    return [
        worst("accuracy", "reviews, held-out accuracy, worst of 5 seeds", 0.97),
        worst("words", "planted polar words on the right side, worst of 5", 0.95),
        Row("… before the training, mean of 5", mean("start")),
        Row("… with scrambled weights", mean("random")),
        worst("phrases", "planted phrases among the top 5 of some unit, worst of 5", 0.9),
        Row("… with scrambled weights", mean("random_phrases")),
        Row("… among the top 5 of a unit that pushes their class, mean of 5", mean("pushed")),
        Row("… with scrambled weights", mean("random_pushed")),
        Row("terms of 250 predictions, largest remainder", f"{remainder:.1e}", "≤ 1e-5", remainder <= 1e-5),
        Row("what 'not' does to 'good', by seed, in logits", turned),
        Row("words and phrases of one network, median time", f"{taken:.0f} s"),
    ]


def _found(seed: int) -> Found:
    recipe = Recipe.create("reviews", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(recipe, f"{folder}/run")
        run = open_run(outcome.directory)
        last, first = (_specimen(recipe, run, step) for step in (-1, 0))
    random = last.with_model(scrambled(last.model, seed))
    shares: list[float] = []
    taken = seconds(lambda: shares.extend((_words(last), *_phrases(last))))
    words, phrases, pushed = shares
    turned = negation(last, "good", "not").effect.turned
    return Found(
        outcome.metrics["test"]["accuracy"], words, _words(first), _words(random), phrases, pushed,
        *_phrases(random), _remainder(last), (turned.value, turned.low, turned.high), taken,
    )  # fmt: skip


def _specimen(recipe: Recipe, run: Run, step: int) -> Specimen:
    prepared = prepare(recipe)
    run.load_into(prepared.model, step)
    texts, known = prepared.parts["train"], prepared.dataset
    return Specimen(
        prepared.model.eval(), texts.inputs, texts.targets, known.class_names, tokens=known.tokens
    )


def _words(specimen: Specimen) -> float:
    found = polarity(specimen, draws=1, scrambles=1)
    return statistics.mean((found.coordinate(word).value > 0) == good for word, good in TRUTH.words.items())


def _phrases(specimen: Specimen) -> tuple[float, float]:
    """The share of planted phrases of any unit, and of units that push their class."""
    found = top_phrases(specimen, 5, scrambles=1).phrases
    texts = [(f" {text} ", each.push > 0) for each in found for text in (each.words, each.window)]
    named, pushed = (
        statistics.mean(
            any(f" {phrase} " in text and push in allowed for text, push in texts)
            for phrase, allowed in allowances.items()
        )
        for allowances in (
            dict.fromkeys(TRUTH.phrases, (True, False)),
            {k: (v,) for k, v in TRUTH.phrases.items()},
        )
    )
    return named, pushed


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
        where = f"{each.layer} {each.unit}, {each.count} times, {each.share:.0%} of them positive"
        yield f"{each.words!r} pushes {each.push:+.2f} ({where})"


def main() -> None:
    """Print the table, and the lines about real sentences where they are."""
    torch.set_num_threads(2)
    print(markdown(measure()))
    if SENTENCES.exists():
        print("\n" + "\n".join(f"- {line}" for line in sentences()))


if __name__ == "__main__":
    main()
