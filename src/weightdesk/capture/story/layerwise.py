"""The scores of all layers as tables, beside those of the same network with weights that know nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.progress import Progress, followed
from weightdesk.capture.story.dimension import dimension, participation_ratio, two_nn
from weightdesk.capture.story.representation import FEATURES, INPUTS
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.story.separability import separability
from weightdesk.capture.story.similarity import SIMILARITIES
from weightdesk.capture.story.similarity.matrix import similarities
from weightdesk.capture.story.study import Study
from weightdesk.capture.story.tables import columns, told
from weightdesk.explain.page import Section, section

_SEPARABILITY: Final = ("Fisher ratio", "nearest class mean", "separation")
_PERMUTED: Final = 19
_DIMENSION: Final = ("TwoNN", "participation ratio")

Scored: TypeAlias = list[tuple[Estimate, float]]
"""Scores of a layer, each with what is reached by chance."""


def separability_table(study: Study, progress: Progress) -> Iterator[Section]:
    """How far apart the classes lie in each layer; no table where nothing is classified."""
    labels = study.specimen.labels
    if labels is None:
        return

    def scores(features: Float64[Tensor, "examples features"]) -> Scored:
        found = separability(features, labels, seed=study.seed)
        return list(zip((found.fisher, found.accuracy, found.separation), found.chance, strict=True))

    def plain(features: Float64[Tensor, "examples features"]) -> list[float]:
        found = separability(features, labels, permuted=0, seed=study.seed)
        return [found.fisher.value, found.accuracy.value, found.separation.value]

    rows = _rows(study, "separability", _SEPARABILITY, scores, plain, progress)
    note = (
        "Fisher ratio tr(S_W⁻¹ S_B) and share of examples nearest to their class mean, both on held-out "
        "examples; separation 1 − cosine distance within classes / overall; 95 % intervals; chance: the "
        "largest with permuted labels"
    )
    yield section("class separability", _named(rows, "chance", study), note=note)


def dimension_table(study: Study, progress: Progress) -> Iterator[Section]:
    """How many numbers it takes to say where an example lies in each layer."""

    def scores(features: Float64[Tensor, "examples features"]) -> Scored:
        found = dimension(features, seed=study.seed)
        return list(zip((found.two_nn, found.participation), found.shuffled, strict=True))

    def plain(features: Float64[Tensor, "examples features"]) -> list[float]:
        return [two_nn(features).value, participation_ratio(features)]

    rows = _rows(study, "dimension", _DIMENSION, scores, plain, progress)
    note = (
        "TwoNN: of the curved surface, from nearest neighbours, an estimate; participation ratio: of the "
        "flat space; 95 % intervals; shuffled: each feature permuted among the examples for itself"
    )
    yield section("intrinsic dimension", _named(rows, "shuffled", study), note=note)


def similarity_tables(study: Study, progress: Progress) -> Iterator[Section]:
    """Every layer beside every layer of the same network, of the baselines and of the other networks."""
    pairs = [(name, network) for name in SIMILARITIES for network in study.networks]
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in SIMILARITIES}
    for name, network in followed(pairs, "similarity", progress):
        features = study.features[network]
        permuted = 0 if network in study.baselines else _PERMUTED  # a baseline is itself no more than chance
        found = similarities(SIMILARITIES[name], study.own, features, permuted=permuted, seed=study.seed)
        rows[name] += [
            (row, network, column, told(found.values[i, j].item()), told(found.chance[i, j].item()))
            for i, row in enumerate(found.rows)
            for j, column in enumerate(found.columns)
        ]
    for name, found_rows in rows.items():
        names = ("layer", "network", "other layer", name, "chance")
        yield section(f"{name} of layers", columns(names, found_rows), note=_note(name))


def _note(measure: str) -> str:
    means = {
        "CKA": "linear, debiased: 0 on average for layers that have nothing to do with each other",
        "SVCCA": "mean canonical correlation of the principal components that keep 99 % of the variance",
    }
    return (
        f"{means[measure]}; chance: the largest of {_PERMUTED} with "
        "permuted examples, which one in 20 pairs without anything in common exceeds; of a layer's "
        f"results, means over a grid of places, at most {FEATURES} numbers"
    )


def _rows(
    study: Study,
    what: str,
    names: Sequence[str],
    scores: Callable[[Tensor], Scored],
    plain: Callable[[Tensor], list[float]],
    progress: Progress,
) -> list[tuple[object, ...]]:
    """For each layer and score: the estimate, chance, and the score of each baseline."""
    rows: list[tuple[object, ...]] = []
    for layer, features in followed(study.own.items(), what, progress):
        learned = layer != INPUTS  # the inputs are the same whatever the weights
        others = [plain(study.features[each][layer]) if learned else None for each in study.baselines]
        for place, (name, (found, chance)) in enumerate(zip(names, scores(features), strict=True)):
            beside = [None if each is None else told(each[place]) for each in others]
            bounds = map(told, (found.value, found.low, found.high, chance))
            rows.append((layer, name, *bounds, *beside))
    return rows


def _named(rows: Sequence[tuple[object, ...]], chance: str, study: Study) -> dict[str, list[object]]:
    return columns(("layer", "score", "value", "from", "to", chance, *study.baselines), rows)
