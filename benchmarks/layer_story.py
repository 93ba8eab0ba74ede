"""The layer story: all its scores for the digits CNN; CKA and SVCCA beside their definitions.

The story is told of a run with a snapshot of every 10th step, of all 1,797 digits, with the network at
step 0 and with scrambled weights beside it. The definitions are the textbook's formulas on the same
float64 numbers; both give the same figure. On `shapes` the levels are planted: strokes, shapes, objects
must be read best in that order, and later layers must be more specific.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, median_seconds, seconds

from weightdesk.capture import Specimen
from weightdesk.capture.cache import Cache
from weightdesk.capture.layers import layers_of
from weightdesk.capture.story import layer_story
from weightdesk.capture.story.generic import generic_specific
from weightdesk.capture.story.probes import LayerProbes, probe_layers
from weightdesk.capture.story.representation import representations
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.story.similarity.cka import linear_cka
from weightdesk.capture.story.similarity.svcca import svcca
from weightdesk.runs import Run, open_run
from weightdesk.runs.stores import open_store
from weightdesk.training import Recipe, held_out, prepare, train

LAYERS = ("conv1", "conv2")
SEEDS = range(5)


def measure() -> list[Row]:
    """Train with the recipe, then tell the story twice, the second time from the cache."""
    recipe = Recipe.create("digits")
    with tempfile.TemporaryDirectory() as folder:
        run = open_run(train(recipe, f"{folder}/run", every=10).directory)
        prepared = prepare(recipe)
        parts = prepared.parts.values()
        specimen = Specimen(
            network_at(run, prepared.model, run.steps[-1]),
            torch.cat([each.inputs for each in parts]),
            torch.cat([each.targets for each in parts]),
            prepared.dataset.class_names,
        )
        return [*_story(specimen, run, prepared.model, folder), *_similarities(specimen)]


def network_at(run: Run, model: nn.Module, step: int) -> nn.Module:
    """The network with the weights of a step, in evaluation mode."""
    copied = copy.deepcopy(model).eval()
    run.load_into(copied, step)
    return copied


def _story(specimen: Specimen, run: Run, model: nn.Module, folder: str) -> list[Row]:
    cache = Cache(open_store(f"{folder}/cache"))

    def tell() -> None:
        layer_story(
            specimen,
            untrained=network_at(run, model, 0),
            model_at=lambda step: network_at(run, model, step),
            steps=run.steps,
            cache=cache,
        )

    first, again = seconds(tell), seconds(tell)
    what = f"layer story of the digits CNN, all scores, {len(specimen):,} examples"
    return [Row(what, f"{first:.1f} s", "≤ 30 s", first <= 30), Row("… from its cache", f"{again:.2f} s")]


def _similarities(specimen: Specimen) -> list[Row]:
    """Each measure beside its definition, on the two convolutions."""
    found = representations(specimen.model, specimen.inputs, layers_of(specimen.model, specimen.inputs))
    pair = tuple(found[each] for each in LAYERS)
    plain = tuple(each.numpy() for each in pair)
    compared: list[tuple[str, Callable[[], float], Callable[[], float]]] = [
        ("CKA", lambda: linear_cka(*pair, debiased=False), lambda: _plain_cka(*plain)),
        ("SVCCA", lambda: svcca(*pair), lambda: _plain_svcca(*plain)),
    ]
    rows = []
    for name, ours, theirs in compared:
        apart = abs(ours() - theirs())
        ratio = median_seconds(theirs, 3) / median_seconds(ours, 3)
        rows.append(Row(f"{name} of two layers, faster than its definition", f"{ratio:.1f}×"))
        rows.append(Row("… difference", f"{apart:.1e}", "≤ 1e-8", apart <= 1e-8))
    return rows


def planted() -> list[Row]:
    """Train on `shapes` with each seed, and see where each planted level is read best."""
    return [row for seed in SEEDS for row in _levels(seed)]


def _levels(seed: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        run = open_run(train(Recipe.create("shapes", seed=seed), f"{folder}/run", every=10_000).directory)
        held = held_out(run.recipe)
        model = network_at(run, held.model, run.steps[-1])
    specimen = Specimen(model, held.inputs, held.targets, held.class_names, held.properties)
    probes = probe_layers(specimen, untrained=held.model)
    layers = [each.layer for each in probes.of("task")]
    peaks = [probes.peak_of_level(level) for level in range(3)]
    places = [layers.index(each) for each in peaks]
    in_order = places == sorted(set(places))
    scores = [each.score for each in generic_specific(specimen, untrained=held.model).layers]
    values = [each.value for each in scores]
    shown = ", ".join(map(_with_interval, scores))
    what = f"shapes, seed {seed}:"
    return [
        Row(f"{what} peaks of strokes, shapes, objects", ", ".join(peaks), "in order", in_order),
        *_above_baselines(probes),
        Row("… generic–specific score, first to last layer", shown, "rising", values == sorted(values)),
    ]


def _above_baselines(probes: LayerProbes) -> list[Row]:
    rows = []
    for name in ("upper shape", "lower shape", "task"):
        best = max(probes.of(name), key=lambda each: each.accuracy.value)
        beside = [each for each in (best.scrambled, best.step_0) if each is not None]
        highest = max(beside, key=lambda each: each.high)
        ours, theirs = map(_with_interval, (best.accuracy, highest))
        met = best.accuracy.low > highest.high
        rows.append(Row(f"… {name} at {best.layer}; random weights", f"{ours}; {theirs}", "far above", met))
    return rows


def _with_interval(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})"


def _plain_cka(X: np.ndarray, Y: np.ndarray) -> float:
    K, L = (each - each.mean(0) - each.mean(1)[:, None] + each.mean() for each in (X @ X.T, Y @ Y.T))
    return float((K * L).sum() / np.sqrt((K * K).sum() * (L * L).sum()))


def _plain_svcca(X: np.ndarray, Y: np.ndarray) -> float:
    bases = []
    for values in (X, Y):
        left, sizes, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
        shares = np.cumsum(sizes**2) / (sizes**2).sum()
        bases.append(left[:, : int((shares < 0.99).sum()) + 1])
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


def main() -> None:
    """Print the table."""
    print(markdown([*measure(), *planted()]))


if __name__ == "__main__":
    main()
