"""Reviews made from a grammar, so that it is known which words and phrases decide.

A review holds one or two opinions of one polarity among sentences that hold none. An opinion is a polar
word, perhaps strengthened, a negated word of the other polarity, or a phrase whose words alone say
nothing: each of them, and pairs of them, also stand in sentences without an opinion. So do the words
that negate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.properties import Property
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.data.lexicon import (
    BACKGROUND,
    EVENTS,
    NEGATIVE,
    PHRASES,
    POSITIVE,
    STRENGTHENERS,
    TOPICS,
    planted,
)
from weightdesk.training.data.words import numbered, words_of
from weightdesk.training.randomness import stream

CLASSES = ("negative", "positive")
LENGTHS = ("short", "medium", "long")
_LONGER_THAN = (18, 27)  # words: these parts of the reviews are about equally large
_NEGATED, _STRENGTHENED, _PHRASED, _PERSONAL = 0.3, 0.3, 0.5, 0.4  # shares of the opinions
_BESIDE = 0.4  # share of the adjectives that stand before what they describe


@dataclass(frozen=True)
class Opinion:
    """A clause that praises or blames.

    Attributes:
        text: in lower case, without a full stop.
        wording: whether its polar word praises, before any negation; None of a phrase.
        negated: whether that word is.
    """

    text: str
    wording: bool | None
    negated: bool = False


@dataclass(frozen=True)
class Review:
    """A review, and what is true of it.

    Attributes:
        text: as people would read it, in lower case.
        praises: what all of its opinions do.
        opinions: one or two.
        topic: a key of `TOPICS`.
    """

    text: str
    praises: bool
    opinions: tuple[Opinion, ...]
    topic: str

    @property
    def wording(self) -> int:
        """Whether its polar words praise, before any negation; −1 where they differ or there are none."""
        found = {each.wording for each in self.opinions if each.wording is not None}
        return int(found.pop()) if len(found) == 1 else -1


def write(examples: int, noise: float, seed: int) -> list[Review]:
    """Write reviews, as many that praise as that blame.

    Arguments:
        examples: how many.
        noise: share of them with a slip of the pen, in a word that does not decide.
        seed: the same seed writes the same reviews.

    >>> print(write(2, noise=0.0, seed=0)[0].text)
    the director comes to town. the plot is truly messy, while the plot falls into the water.

    """
    draw = Random(int(torch.randint(2**62, (), generator=stream(seed, "reviews"))))  # noqa: S311 no secret
    return [_review(draw, praises=number % 2 == 1, noise=noise) for number in range(examples)]


def load(examples: int, noise: float, seed: int) -> Dataset:
    """Return reviews as rows of numbers of words; see `write`.

    What is planted in them, `planted()` tells by name.

    >>> found = load(100, noise=0.0, seed=0)
    >>> found.class_names, [each.name for each in found.properties]
    (('negative', 'positive'), ['wording', 'negation', 'polarity', 'length', 'topic'])

    """
    reviews = write(examples, noise, seed)
    inputs, tokens = numbered([each.text for each in reviews])
    truth = planted()
    return Dataset(
        inputs=inputs,
        targets=torch.tensor([int(each.praises) for each in reviews]),
        task="classification",
        class_names=CLASSES,
        planted={
            name: 1.0 if praises else -1.0 for name, praises in {**truth.words, **truth.phrases}.items()
        },
        properties=_properties(reviews),
        tokens=tokens,
    )


def _properties(reviews: list[Review]) -> tuple[Property, ...]:
    def of_each(number: Callable[[Review], int]) -> Int64[Tensor, " reviews"]:
        return torch.tensor([number(each) for each in reviews])

    topics = tuple(TOPICS)
    return (
        Property("wording", of_each(lambda review: review.wording), CLASSES, level=0),
        Property(
            "negation", of_each(lambda review: any(each.negated for each in review.opinions)),
            ("plain", "negated"), level=1,
        ),
        Property("polarity", of_each(lambda review: review.praises), CLASSES, level=2),
        Property(
            "length",
            of_each(lambda review: sum(len(words_of(review.text)) > each for each in _LONGER_THAN)),
            LENGTHS,
        ),
        Property("topic", of_each(lambda review: topics.index(review.topic)), topics, level=0),
    )  # fmt: skip


def _review(draw: Random, *, praises: bool, noise: float) -> Review:
    topic = draw.choice(list(TOPICS))
    opinions = tuple(_opinion(draw, topic, praises) for _ in range(draw.choice((1, 1, 2))))
    neutral = [_neutral(draw, topic) for _ in range(draw.choice((1, 2, 3)))]
    if draw.random() < noise:
        place = draw.randrange(len(neutral))
        neutral[place] = _slip(draw, neutral[place])
    clauses = [*(each.text for each in opinions), *neutral]
    draw.shuffle(clauses)
    return Review(_joined(draw, clauses), praises, opinions, topic)


def _joined(draw: Random, clauses: list[str]) -> str:
    ends = [draw.choice((". ", ". ", ", and ", ", while ")) for _ in clauses[1:]]
    return "".join(clause + end for clause, end in zip(clauses, [*ends, "."], strict=True))


def _neutral(draw: Random, topic: str) -> str:
    if draw.random() < 0.75:
        return f"{_subject(draw, topic)} {draw.choice(EVENTS)}"
    return draw.choice((*BACKGROUND, *TOPICS[topic].background))


def _opinion(draw: Random, topic: str, praises: bool) -> Opinion:
    if draw.random() < _PHRASED:
        phrase = draw.choice([each for each, its in PHRASES.items() if its == praises])
        return Opinion(f"{_subject(draw, topic)} {phrase}", None)
    negated = draw.random() < _NEGATED
    wording = praises != negated
    part = draw.choices(("adjective", "noun", "verb", "adverb"), (4, 2, 2, 1))[0]
    word = draw.choice((POSITIVE if wording else NEGATIVE)[part])
    return Opinion(_SAID[part](draw, topic, word, negated), wording, negated)


def _subject(draw: Random, topic: str) -> str:
    known = TOPICS[topic]
    return f"the {draw.choice(known.people if draw.random() < _PERSONAL else known.things)}"


def _strengthened(draw: Random, text: str) -> str:
    return f"{draw.choice(STRENGTHENERS)} {text}" if draw.random() < _STRENGTHENED else text


def _described(draw: Random, topic: str, word: str, negated: bool) -> str:
    said = _strengthened(draw, word)
    if draw.random() < _BESIDE:
        return f"it is {_a(draw, f'{said} {draw.choice(TOPICS[topic].things)}', negated)}"
    return f"{_subject(draw, topic)} is {draw.choice(('not ', 'never ', 'hardly ')) if negated else ''}{said}"


def _called(draw: Random, topic: str, word: str, negated: bool) -> str:
    return f"{_subject(draw, topic)} is {_a(draw, word, negated)}"


def _a(draw: Random, named: str, negated: bool) -> str:
    one = f"{'an' if named[0] in 'aeiou' else 'a'} {named}"
    return draw.choice((f"no {named}", f"not {one}", f"hardly {one}")) if negated else one


def _acting(draw: Random, topic: str, word: str, negated: bool) -> str:
    said = f"{draw.choice(('never', 'hardly'))} {word}" if negated else word
    return f"{_subject(draw, topic)} {said}"


def _made(draw: Random, topic: str, word: str, negated: bool) -> str:
    negation = draw.choice(("not ", "never ", "hardly ")) if negated else ""
    known = TOPICS[topic]
    return f"the {draw.choice(known.things)} is {negation}{word} {draw.choice(known.done)}"


_SAID: dict[str, Callable[[Random, str, str, bool], str]] = {
    "adjective": _described,
    "noun": _called,
    "verb": _acting,
    "adverb": _made,
}
"""How a polar word is said, by its part of speech."""


def _slip(draw: Random, clause: str) -> str:
    """Exchange two neighbouring letters of one of the longer words."""
    words = clause.split()
    place = draw.choice([place for place, word in enumerate(words) if len(word) == max(map(len, words))])
    word = words[place]
    at = draw.randrange(len(word) - 1)
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
