"""Everything that can be read from the weights, by name: what the command line and the desk ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from weightdesk.capture import circuits, examples, filters, pictures, text
from weightdesk.capture.case import Case
from weightdesk.capture.keeping import KeptPage, kept_page
from weightdesk.capture.progress import part
from weightdesk.capture.story.formation import formation, log_spread
from weightdesk.capture.story.story import layer_story
from weightdesk.errors import OptionError, closest
from weightdesk.explain.page import Page

FACTORS: Final = 8
"""So many groups the units of a layer are put into, at most."""

About: TypeAlias = Literal["network", "layer", "unit", "example", "word"]


@dataclass(frozen=True)
class Reading:
    """One thing that can be read from the weights.

    Attributes:
        title: what it says, in a few words.
        about: what must be named for it.
        read: how it is found.
        fits: whether a network can be read so.
        needs: what a network must be like for it, in words.
        through: whether it looks at all snapshots of the run.
        keeps: whether the page is kept beside the run; some keep their parts themselves.
    """

    title: str
    about: About
    read: Callable[[Case], Page]
    fits: Callable[[Case], bool] = lambda _case: True
    needs: str = "any network"
    through: bool = False
    keeps: bool = True


def read(name: str, case: Case) -> Page:
    """What the weights say in one respect.

    Arguments:
        name: a key of `READINGS`.
        case: which network, and where in it.

    Raises:
        OptionError: there is no such reading, it does not fit the network, or something must be named.
    """
    if name not in READINGS:
        raise OptionError(f"nothing is called {name!r}: {closest(name, READINGS)}")
    reading = READINGS[name]
    if not reading.fits(case):
        raise OptionError(f"{name} needs {reading.needs}, and this is none")
    if not reading.keeps:
        return reading.read(case)
    about = case.decisive(placed=reading.about != "network", through=reading.through)
    return kept_page(case.cache, name, about, lambda: reading.read(case))


def _beside(case: Case) -> dict[str, Any]:
    """The baseline that only a run has, and who is told how far it is."""
    return {"untrained": case.untrained, "progress": case.progress}


def _of_network(function: Callable[..., Page]) -> Callable[[Case], Page]:
    return lambda case: function(case.specimen, **_beside(case))


def _of_layer(function: Callable[..., Page]) -> Callable[[Case], Page]:
    return lambda case: function(case.specimen, case.layer, **_beside(case))


def _of_text(function: Callable[..., Page]) -> Callable[[Case], Page]:
    return lambda case: function(case.specimen, progress=case.progress)


def _story(case: Case) -> Page:
    run: dict[str, Any] = {"model_at": case.model_at, "steps": case.steps}
    return layer_story(case.specimen, others=case.others, cache=case.cache, **run, **_beside(case))


def _part(name: str) -> Callable[[Case], Page]:
    return lambda case: layer_story(
        case.specimen, others=case.others, parts=[name], cache=case.cache, **_beside(case)
    )


def _formation(case: Case) -> Page:
    steps = log_spread(case.steps)
    return formation(case.specimen, case.model_at, steps, cache=case.cache, progress=case.progress)


def _feeding(case: Case) -> Page:
    return circuits.feeding(case.specimen, case.layer, case.unit, **_beside(case))


def _movement(case: Case) -> Page:
    return text.movement(case.model_at, log_spread(case.steps), case.specimen, progress=case.progress)


def _deciding(case: Case) -> Page:
    return text.deciding(case.specimen, case.example, progress=case.progress)


def _negation(case: Case) -> Page:
    negator, *rest = case.words if len(case.words) > 1 else ("not", *case.words)
    return text.negation(case.specimen, " ".join(rest), negator, progress=case.progress)


def _factors(case: Case) -> Page:
    """Groups of units, and a picture of each."""
    factors = min(FACTORS, case.layer.units)
    groups = pictures.unit_factors(case.specimen, case.layer, factors, progress=part(case.progress, 0.0, 0.3))
    if not case.has_pictures:
        return groups
    drawn = groups.pictures(case.specimen, case.layer, progress=part(case.progress, 0.3, 1.0))
    return KeptPage(groups.title, (*groups.sections(), *drawn.sections()), tuple(drawn.images()))


def _expanded(case: Case) -> Page:
    return pictures.expanded_weights(case.specimen, case.layer, progress=case.progress)


def _drawn(case: Case) -> Page:
    return pictures.feature_pictures(case.specimen, case.layer, progress=case.progress)


def _pictures(title: str, about: About, found: Callable[[Case], Page]) -> Reading:
    return Reading(title, about, found, lambda case: case.has_pictures, "a network that is given pictures")


def _classes(title: str, name: str) -> Reading:
    return Reading(title, "network", _part(name), lambda case: case.has_classes, "classes", keeps=False)


def _heads(title: str, function: Callable[..., Page]) -> Reading:
    needs = "attention heads among words"
    return Reading(title, "network", _of_text(function), lambda case: case.has_heads, needs)


def _texts(title: str, about: About, found: Callable[[Case], Page], **further: bool) -> Reading:
    return Reading(
        title, about, found, lambda case: case.has_texts, "a network that is given words", **further
    )


STORY: Final = "story"
"""The reading that holds several others."""

READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {
        STORY: Reading("the layer story", "network", _story, keeps=False),
        "probes": _classes("what can be read from each layer", "probes"),
        "generic": _classes("from generic to specific", "generic"),
        "separability": _classes("how far apart the classes lie", "separability"),
        "dimension": Reading("how many numbers it takes", "network", _part("dimension"), keeps=False),
        "similarity": Reading("how alike the layers are", "network", _part("similarity"), keeps=False),
        "formation": Reading("when it formed", "network", _formation, keeps=False),
        "circuits": Reading(
            "strongest circuits",
            "network",
            _of_network(circuits.strongest_circuits),
            lambda case: len(case.layers) >= 3,
            "three layers of which each feeds the next",
        ),
        "filters": _pictures(
            "what the first filters are", "network", lambda case: filters.fit_filters(case.filters)
        ),
        "polarity": _texts("words between the classes", "network", _of_text(text.polarity)),
        "movement": _texts("how words moved", "network", _movement, through=True),
        "phrases": Reading(
            "phrases that excite units",
            "network",
            _of_text(text.top_phrases),
            lambda case: case.has_phrases,
            "convolutions over words",
        ),
        "attention": _heads("what heads attend to", text.attention),
        "heads": _heads("what heads are good for", text.head_roles),
        "pictures": _pictures("what its units look for", "layer", _drawn),
        "factors": Reading("units that go together", "layer", _factors),
        "expanded": Reading(
            "its weights on the inputs",
            "layer",
            _expanded,
            lambda case: case.specimen.inputs.is_floating_point(),
            "inputs that are numbers",
        ),
        "examples": Reading("strongest examples", "layer", _of_layer(examples.strongest_examples)),
        "texts": _texts(
            "texts that excite its units",
            "layer",
            lambda case: text.excerpts(case.specimen, case.layer, progress=case.progress),
        ),
        "selectivity": Reading(
            "which classes its units tell",
            "layer",
            _of_layer(examples.selectivity),
            lambda case: case.has_classes,
            "classes",
        ),
        "duplicates": Reading("units that say the same", "layer", _of_layer(examples.duplicates)),
        "dead": Reading("units that say nothing", "layer", _of_layer(examples.dead_units)),
        "interference": Reading("more features than dimensions", "layer", _of_layer(circuits.interference)),
        "feeding": Reading("what feeds it", "unit", _feeding),
        "deciding": _texts("words that decide", "example", _deciding),
        "neighbours": _texts(
            "words like it", "word", lambda case: text.neighbours(case.specimen, case.words[0])
        ),
        "negation": _texts("what a word before it does to it", "word", _negation),
    }
)
"""Each reading by its name, in the order in which they are shown."""
