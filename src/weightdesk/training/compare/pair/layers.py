"""Which layers of two trained networks differ: in their weights, in what they make of the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.representation import INPUTS, representations
from weightdesk.capture.story.similarity.cka import linear_cka
from weightdesk.errors import WeightdeskError
from weightdesk.runs import Run
from weightdesk.training.compare.pair.matching import chain_of, distances, match, reordered
from weightdesk.training.heldout import HeldOut, held_out
from weightdesk.training.recorded import recorded_recipe

_EXAMPLES = 512


@dataclass(frozen=True)
class LayerPair:
    """One layer of two networks.

    Attributes:
        layer: its name.
        weights: how far its weights are apart, √2 for unrelated ones of the same size; not a number where the
            shapes differ.
        aligned: the same with the second's units in the order that agrees best; None where none is sought.
        cka: how alike the layers see the same examples, 1 for the same but for rotation; None where the
            networks or their data are not at hand.
    """

    layer: str
    weights: float
    aligned: float | None
    cka: float | None


def compare_layers(first: Run, second: Run) -> tuple[tuple[LayerPair, ...], str]:
    """Compare the last weights of two runs.

    Arguments:
        first: a run.
        second: another one.

    Returns:
        The layers that both have, and a line on what could not be asked.

    """
    shared = [
        name
        for name, each in first.parameters.items()
        if len(each.shape) > 1 and name in second.parameters and second.parameters[name].shape == each.shape
    ]
    plain, aligned, notes = _distances(first, second, shared)
    try:
        alike = _similarities(first, second)
    except WeightdeskError as error:
        alike, notes = {}, [*notes, f"no CKA: {error}"]
    pairs = [
        LayerPair(name.rpartition(".")[0], plain[name], aligned.get(name), alike.get(name.rpartition(".")[0]))
        for name in shared
    ]
    known = {each.layer for each in pairs}
    pairs += [LayerPair(name, float("nan"), None, cka) for name, cka in alike.items() if name not in known]
    return tuple(pairs), "; ".join(notes)


def _distances(
    first: Run, second: Run, shared: list[str]
) -> tuple[dict[str, float], dict[str, float], list[str]]:
    one, other = ({name: run.weights(name, -1) for name in run.parameters} for run in (first, second))
    plain = distances(one, other, shared)
    chains = [chain_of(run.manifest.model) for run in (first, second)]
    shapes = [{name: each.shape for name, each in weights.items()} for weights in (one, other)]
    if shapes[0] != shapes[1]:
        return plain, {}, ["units are not aligned: the networks have different shapes"]
    if chains[0] is None or chains[0] != chains[1]:
        return plain, {}, ["units are not aligned: the networks are no plain rows of layers"]
    moved = reordered(chains[0], other, match(chains[0], one, other))
    return plain, distances(one, moved, shared), []


def _similarities(first: Run, second: Run) -> dict[str, float]:
    """CKA of layers of the same name, on examples that the first run's training never saw."""
    found = [_network(run) for run in (first, second)]
    inputs = found[0].inputs[:_EXAMPLES]
    features: list[Any] = []
    for run, each in zip((first, second), found, strict=True):
        run.load_into(each.model, -1)
        if each.inputs.shape[1:] != inputs.shape[1:]:
            raise WeightdeskError("the networks take inputs of different shapes")
        features.append(_features(each.model, inputs))
    return {
        name: linear_cka(features[0][name], features[1][name])
        for name in features[0]
        if name != INPUTS and name in features[1]
    }


def _features(model: nn.Module, inputs: Any) -> Any:
    return representations(model, inputs, layers_of(model, inputs))


def _network(run: Run) -> HeldOut:
    return held_out(recorded_recipe(run))
