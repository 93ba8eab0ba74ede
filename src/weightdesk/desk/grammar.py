"""Turns as people write them: one line of text each.

| written | what it does |
| --- | --- |
| `fc.weight[3,17]=0.8` | sets one weight, or all of a place |
| `mute conv1[5]` | makes a unit, a kernel, a head or a layer zero |
| `solo conv1[5]` | makes all other units of the layer zero |
| `scale hidden1[3] 1.5` | multiplies |
| `noise fc.weight 0.1` | adds noise, in standard deviations of the parameter; a seed may follow |
| `prune fc.weight 0.3` | makes this share of the weights zero, the smallest; `below 0.01` is a threshold |
| `round fc.weight 8` | rounds to so many bits, or to a type such as `bfloat16` |
| `rewind conv1 128` | takes the weights of an earlier step of the run |
| `transplant conv1 runs/other` | takes them from another run, whose step may follow, or from a file |

`weightdesk.desk.places` says how weights are named; `*` is the whole network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from torch import nn

from weightdesk.desk.edits import (
    Edit,
    Muting,
    Noise,
    Pruning,
    Rewinding,
    Rounding,
    Scaling,
    Setting,
    Soloing,
    Transplanting,
)
from weightdesk.desk.places import Place, place_in
from weightdesk.errors import OptionError, closest
from weightdesk.runs import Run

_WORD: Final = re.compile(r"[^\s\[\]]+\[[^\]]*\]|\S+")
_SETTING: Final = re.compile(r"\s*(?P<place>[^\s\[\]=]*\s*(?:\[[^\]]*\])?)\s*=(?P<value>.*)")

Make: TypeAlias = Callable[[Place, list[str], Run | None], Edit]


@dataclass(frozen=True)
class _Form:
    """How one kind of turn is written: the words after its place, and what they make."""

    after: str
    example: str
    counts: tuple[int, ...]
    make: Make


def parse_turn(text: str, model: nn.Module, run: Run | None = None) -> Edit:
    """The edit that a line of text means.

    Arguments:
        text: such as `"mute conv1[5]"`.
        model: the network that is turned; an attention in it knows how many heads it has.
        run: the run that `rewind` goes back in.

    Raises:
        OptionError: the text is no turn; the message says what is wrong and gives an example.

    >>> parse_turn("scale 0[3] 1.5", nn.Sequential(nn.Linear(8, 4))).describe()
    '0[3] × 1.5'
    >>> parse_turn("mut 0[3]", nn.Sequential(nn.Linear(8, 4)))
    Traceback (most recent call last):
    weightdesk.errors.OptionError: turn 'mut 0[3]': no turn is called 'mut', did you mean mute?
    """
    if found := _SETTING.fullmatch(text):
        place = _place(found["place"], model, text)
        return Setting(place, _number(found["value"], f"turn {text!r}", _SET))
    verb, *words = _WORD.findall(text) or [""]
    form = _FORMS.get(verb)
    if form is None:
        known = f"no turn is called {verb!r}, {closest(verb, _FORMS)}" if verb else "nothing is said"
        raise _wrong(text, known if words or verb in _FORMS else f"{known}, or set a weight: {_SET}")
    expected = f"expected `{verb} PLACE{form.after and ' '}{form.after}`, such as `{form.example}`"
    if len(words) - 1 not in form.counts:
        raise _wrong(text, expected)
    place = _place(words[0], model, text)
    try:
        return form.make(place, words[1:], run)
    except ValueError as error:
        raise _wrong(text, f"{error}; {expected}") from None


def parse_sweep(text: str, model: nn.Module) -> tuple[Place, tuple[float, float] | None]:
    """The weight to sweep that a text means, and the ends between which it is swept where they are given.

    Arguments:
        text: such as `"fc.weight[3,17]"` or `"fc.weight[3,17]=-1:1"`.
        model: that holds it.

    Raises:
        OptionError: the text is neither; the message says what is wrong and gives an example.

    >>> place, ends = parse_sweep("0.weight[3,1]=-1:0.5", nn.Sequential(nn.Linear(8, 4)))
    >>> str(place), ends
    ('0.weight[3,1]', (-1.0, 0.5))
    """
    said = f"sweep {text!r}"
    found = _SETTING.fullmatch(text)
    place = _place(found["place"] if found else text, model, text, what="sweep")
    if not found:
        return place, None
    words = found["value"].split(":")
    if len(words) != 2:
        raise OptionError(f"{said}: expected two ends after =; {_ENDS}")
    low, high = (_number(each, said, _ENDS) for each in words)
    if not low < high:
        raise OptionError(f"{said}: the first end must be below the second; {_ENDS}")
    return place, (low, high)


def _place(written: str, model: nn.Module, text: str, *, what: str = "turn") -> Place:
    try:
        place = Place.parse(written.strip())
        return place_in(model, place.name, place.index or None)
    except OptionError as error:
        raise OptionError(f"{what} {text!r}: {error}") from None


def _number(word: str, said: str, example: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise OptionError(f"{said}: {word.strip()!r} is no number; {example}") from None


def _prune(place: Place, words: list[str], _: Run | None) -> Edit:
    if len(words) == 1:
        return Pruning(place, fraction=float(words[0]))
    if words[0] != "below":
        raise ValueError(f"{words[0]!r} is not the word below")
    return Pruning(place, threshold=float(words[1]))


def _round(place: Place, words: list[str], _: Run | None) -> Edit:
    amount, *by = words
    bits = int(amount) if re.fullmatch(r"-?\d+", amount) else None
    dtype = amount if bits is None else None
    return Rounding(place, bits=bits, dtype=dtype, by=by[-1] if by else "tensor")


def _rewind(place: Place, words: list[str], run: Run | None) -> Edit:
    if run is None:
        raise ValueError("rewind goes back in a run, and none is known")
    return Rewinding(place, run.path, int(words[0]))


def _transplant(place: Place, words: list[str], _: Run | None) -> Edit:
    return Transplanting(place, words[0], int(words[1]) if words[1:] else None)


_SET: Final = "write such as `fc.weight[3,17]=0.8`"
_ENDS: Final = "write such as `fc.weight[3,17]=-1:1`"
_FORMS: Final[Mapping[str, _Form]] = {
    "mute": _Form("", "mute conv1[5]", (0,), lambda place, _words, _run: Muting(place)),
    "solo": _Form("", "solo conv1[5]", (0,), lambda place, _words, _run: Soloing(place)),
    "scale": _Form(
        "FACTOR", "scale hidden1[3] 1.5", (1,), lambda place, words, _run: Scaling(place, float(words[0]))
    ),
    "noise": _Form(
        "STRENGTH [SEED]",
        "noise fc.weight 0.1",
        (1, 2),
        lambda place, words, _run: Noise(place, float(words[0]), seed=int(words[1]) if words[1:] else 0),
    ),
    "prune": _Form("SHARE, or below THRESHOLD", "prune fc.weight 0.3", (1, 2), _prune),
    "round": _Form("BITS", "round fc.weight 8", (1, 2), _round),
    "rewind": _Form("STEP", "rewind conv1 128", (1,), _rewind),
    "transplant": _Form("SOURCE [STEP]", "transplant conv1 runs/other", (1, 2), _transplant),
}


def _wrong(text: str, what: str) -> OptionError:
    return OptionError(f"turn {text!r}: {what}")
