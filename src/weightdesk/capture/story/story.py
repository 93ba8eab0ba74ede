"""The whole layer story of a network, part by part, each kept in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from torch import nn

from weightdesk.capture.cache import Cache
from weightdesk.capture.keeping import kept_sections
from weightdesk.capture.layers import layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import question
from weightdesk.capture.story.formation import ModelAt, formation, log_spread
from weightdesk.capture.story.formed import Formation
from weightdesk.capture.story.generic import generic_specific
from weightdesk.capture.story.layerwise import dimension_table, separability_table, similarity_tables
from weightdesk.capture.story.probes import probe_layers
from weightdesk.capture.story.reinitialise import reinitialise_layers
from weightdesk.capture.story.study import Study
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section
from weightdesk.types import Step

Part: TypeAlias = Callable[[Study, Progress], Iterable[Section]]


def _probes(study: Study, progress: Progress) -> Iterable[Section]:
    """What can be read from each layer."""
    if study.specimen.labels is None or not study.specimen.class_names:
        return []
    return probe_layers(
        study.specimen, untrained=study.untrained, seed=study.seed, progress=progress
    ).sections()


def _generic(study: Study, progress: Progress) -> Iterable[Section]:
    """How generic each layer is; where nothing but the task is known, what is left when it is put back."""
    if study.specimen.labels is None or not study.specimen.class_names:
        return []
    tests = generic_specific if question(study.specimen, study.seed).others else reinitialise_layers
    return tests(study.specimen, untrained=study.untrained, seed=study.seed, progress=progress).sections()


PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "probes": _probes,
        "generic": _generic,
        "separability": separability_table,
        "dimension": dimension_table,
        "similarity": similarity_tables,
    }
)
"""Makers of the parts of a story that is told of one step, by name."""

FORMATION: Final = "formation"


@dataclass(frozen=True, eq=False)
class LayerStory(Page):
    """What each layer holds, how it differs from the others, and when it formed: numbers in tables.

    Attributes:
        layers: how many there are.
        examples: on how many they were studied.
        parts: the tables of each part, by its name; none where the part says nothing of such a network.
        formation: when layers and units formed; None where no steps were given.
    """

    layers: int
    examples: int
    parts: Mapping[str, tuple[Section, ...]]
    formation: Formation | None

    @property
    def title(self) -> str:
        """What was studied."""
        return f"the story of {self.layers} layers, on {self.examples} examples"

    def sections(self) -> list[Section]:
        """The tables of all parts, in the order of `PARTS`, then when layers and units formed."""
        formed = [] if self.formation is None else self.formation.sections()
        return [each for sections in self.parts.values() for each in sections] + formed


def layer_story(
    specimen: Specimen,
    *,
    untrained: nn.Module | None = None,
    others: Mapping[str, nn.Module] | None = None,
    model_at: ModelAt | None = None,
    steps: Sequence[Step] = (),
    parts: Iterable[str] = tuple(PARTS),
    cache: Cache = Cache(),  # noqa: B008  # frozen
    progress: Progress = silent,
    seed: int = 0,
) -> LayerStory:
    """Measure every layer of a network in all the ways there are, beside networks that know nothing.

    Arguments:
        specimen: the network and the examples; with classes more can be said.
        untrained: the network at step 0, a baseline.
        others: networks that are compared layer by layer on the same examples, by name: other steps of
            the run, or other runs.
        model_at: gives the network of a step; see `formation`.
        steps: those of which that can be asked, such as `run.steps`; some of them are chosen.
        parts: keys of `PARTS`.
        cache: keeps every part, and every step of the formation, under what decides it.
        progress: hears how far the whole is; what it raises stops the work, which goes on from the
            cache when it is asked for again.
        seed: of all that is drawn.

    Raises:
        OptionError: there is no such part.

    >>> import torch
    >>> inputs = torch.randn(60, 2)
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> specimen = Specimen(net, inputs, (inputs[:, 0] > 0).long(), ("left", "right"))
    >>> story = layer_story(specimen, parts=["dimension"])
    >>> story.title, story.to_arrow()["layer"].to_pylist()[::2]
    ('the story of 2 layers, on 60 examples', ['inputs', '0', '2'])
    """
    wanted = tuple(parts)
    if unknown := set(wanted) - PARTS.keys():
        raise OptionError(f"no part {sorted(unknown)[0]!r} of a layer story; choose from {', '.join(PARTS)}")
    study = Study(specimen, untrained, others or {}, seed)
    chosen = log_spread(steps) if model_at else ()
    whole = len(wanted) + bool(chosen)
    found = {}
    for number, name in enumerate(wanted):
        share = part(progress, number / whole, (number + 1) / whole)
        found[name] = kept_sections(cache, name, study.about, partial(PARTS[name], study, share))
    when = None
    if model_at and chosen:
        share = part(progress, len(wanted) / whole, 1.0)
        when = formation(specimen, model_at, chosen, cache=cache, progress=share, seed=seed)
    layers = len(layers_of(specimen.model, specimen.inputs))
    return LayerStory(layers, len(specimen), found, when)
