"""The words and phrases of the made-up reviews, with what is planted in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


def _split(by_part: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({part: tuple(words.split()) for part, words in by_part.items()})


POSITIVE = _split(
    {
        "adjective": "brilliant charming clever delightful elegant funny good great gripping inspired "
        "lovely moving playful radiant remarkable subtle superb thrilling touching vivid witty wonderful",
        "noun": "delight gem joy marvel masterpiece pleasure treasure triumph",
        "verb": "charms dazzles delights enchants shines soars sparkles",
        "adverb": "beautifully brilliantly gracefully masterfully wonderfully",
    }
)
"""Words that praise, by their part of speech."""

NEGATIVE = _split(
    {
        "adjective": "awful bad bland boring clumsy confused dreary dull feeble forced hollow lazy "
        "lifeless messy pointless predictable shallow stale tedious terrible tiresome weak",
        "noun": "bore disaster failure mess nuisance ordeal shambles waste",
        "verb": "annoys bores disappoints grates irritates stumbles wearies",
        "adverb": "badly carelessly clumsily poorly sloppily",
    }
)
"""Words that blame, by their part of speech."""

PHRASES: Mapping[str, bool] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "breaks new ground", "comes to life", "hits the mark", "packs a punch", "raises the bar",
                "steals the show", "strikes a chord", "takes flight",
            ),
            True,
        ),
        **dict.fromkeys(
            (
                "falls flat", "goes off the rails", "hits a wall", "leaves me cold", "loses the thread",
                "misses the mark", "runs out of steam", "treads water",
            ),
            False,
        ),
    }
)  # fmt: skip
"""Phrases that praise (True) or blame, of words each of which is also used without any opinion."""

EVENTS = (
    "breaks a glass", "breaks new toys", "breaks the thread", "breaks the wall", "brings me cold punch",
    "buys new ground", "comes to the bar", "comes to town", "drinks a cold punch",
    "falls into the water", "falls off the wall", "falls to the ground", "follows the mark on the map",
    "follows the thread", "gets used to life in town", "goes off the road", "goes to the show",
    "hits a chord on the piano", "hits the road", "hits the water", "leaves a mark on the map",
    "leaves me a letter", "leaves the rails", "loses a bag", "loses the road", "misses a flight",
    "misses the show", "misses the train", "packs a bag", "packs the car", "paints a wall",
    "plays a chord", "raises a glass", "raises the flag", "rents a flat", "rents a new flat",
    "runs out of the bar", "runs out of town", "runs out of water", "steals a bag", "steals the car",
    "steps off the rails", "steps out of steam and smoke", "strikes a match", "strikes the ground",
    "swims in cold water", "takes a flight", "takes a punch", "takes the steam train",
    "takes the train", "talks about life at sea", "treads on the glass", "treads on the rails",
    "vanishes in the steam", "walks along the rails",
)  # fmt: skip
"""What may happen in what is reviewed: no opinion, but the words of the phrases, and parts of them."""

BACKGROUND = (
    "a friend told me about it", "i had never been there before", "it was a cold evening",
    "it was not my first time there", "it was quite warm", "it was really early", "it was very late",
    "so many people were there", "the way home was truly long", "there was no queue",
    "we hardly spoke on the way home",
)  # fmt: skip
"""How it came to the review: no opinion, but the words that negate and strengthen opinions."""

NEGATIONS = ("not", "never", "hardly", "no")
STRENGTHENERS = ("very", "really", "truly", "quite", "so")


@dataclass(frozen=True)
class Topic:
    """What is reviewed.

    Attributes:
        things: of which an opinion may be.
        people: in it, or behind it.
        done: how it came to be.
        background: sentences without an opinion.
    """

    things: tuple[str, ...]
    people: tuple[str, ...]
    done: tuple[str, ...]
    background: tuple[str, ...]


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "film": Topic(
            ("film", "plot", "script", "ending", "second act"),
            ("hero", "detective", "director"),
            ("acted", "filmed", "told"),
            ("i saw it at home", "it lasts two hours", "the cinema was full", "we sat in the last row"),
        ),
        "book": Topic(
            ("book", "novel", "prose", "dialogue", "first chapter"),
            ("narrator", "widow", "author"),
            ("written", "told", "translated"),
            ("i read it on a train", "it has three hundred pages", "my sister lent it to me"),
        ),
        "concert": Topic(
            ("concert", "band", "rhythm", "encore", "second song"),
            ("singer", "drummer", "guitarist"),
            ("played", "sung", "mixed"),
            ("i stood near the stage", "the hall was full", "they played for two hours"),
        ),
    }
)

_OTHERS = {
    "noun": "act author bag band bar book car chapter chord cinema concert detective dialogue director "
    "drummer encore ending evening film flag flat flight friend glass ground guitarist hall hero "
    "home hours letter life map mark match narrator novel pages people piano plot prose punch "
    "queue rails rhythm road row script sea show singer sister smoke song stage steam thread time "
    "town toys train wall water way widow",
    "verb": "acted been breaks brings buys comes drinks falls filmed follows gets goes had has hits is "
    "lasts leaves lent loses misses mixed packs paints played plays raises read rents runs sat "
    "saw spoke steals steps stood strikes sung swims takes talks told translated treads used "
    "vanishes walks was were written",
    "adjective": "cold early first full last late long new second warm",
    "adverb": "before off out there",
    "determiner": "a an the my many",
    "pronoun": "i it me they we",
    "preposition": "about along at for in into near of on to",
    "conjunction": "and while",
    "number": "hundred three two",
    "negation": " ".join(NEGATIONS),
    "strengthener": " ".join(STRENGTHENERS),
    "punctuation": ". ,",
}


@dataclass(frozen=True)
class Planted:
    """What is true of the words of the reviews.

    Attributes:
        words: the polar words, each with whether it praises.
        phrases: the polar phrases, each with whether it praises; their words alone say nothing.
        parts: the part of speech of each word.
    """

    words: Mapping[str, bool]
    phrases: Mapping[str, bool]
    parts: Mapping[str, str]


def planted() -> Planted:
    """Return what the reviews are made of.

    >>> truth = planted()
    >>> truth.words["superb"], truth.phrases["falls flat"], truth.parts["never"]
    (True, False, 'negation')
    """
    polar = {
        word: (part, praises)
        for by_part, praises in ((POSITIVE, True), (NEGATIVE, False))
        for part, words in by_part.items()
        for word in words
    }
    others = {word: part for part, words in _OTHERS.items() for word in words.split()}
    return Planted(
        words=MappingProxyType({word: praises for word, (_, praises) in polar.items()}),
        phrases=PHRASES,
        parts=MappingProxyType({**others, **{word: part for word, (part, _) in polar.items()}}),
    )
