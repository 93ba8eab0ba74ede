"""Pictures made level upon level: strokes are read early, shapes in the middle, objects last."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.story.generic import generic_specific
from weightdesk.capture.story.probes import LayerProbes, probe_layers
from weightdesk.runs import open_run
from weightdesk.training import Recipe, held_out, train


def trained(folder: Path, **options: int) -> tuple[Specimen, nn.Module]:
    """The network at its last step on held-out examples, and at step 0."""
    run = open_run(train(Recipe.create("shapes", **options), folder / "run", every=10_000).directory)
    found = held_out(run.recipe)
    model = copy.deepcopy(found.model)
    run.load_into(model, run.steps[-1])
    return Specimen(model, found.inputs, found.targets, found.class_names, found.properties), found.model


def places(found: LayerProbes) -> list[int]:
    """How far from the inputs each level is read best, the level of strokes first."""
    layers = [each.layer for each in found.of("task")]
    return [layers.index(found.peak_of_level(level)) for level in range(3)]


@pytest.mark.heavy
def test_after_a_short_training_strokes_are_read_before_objects(tmp_path: Path) -> None:
    specimen, untrained = trained(tmp_path, seed=0, examples=3000, steps=500)
    found = probe_layers(specimen, untrained=untrained, permuted=5)
    strokes, shapes, objects = places(found)
    assert strokes < shapes < objects
    best = max(found.of("task"), key=lambda each: each.accuracy.value)
    assert best.scrambled is not None
    assert best.step_0 is not None
    assert best.accuracy.low > max(best.scrambled.high, best.step_0.high, best.chance.high)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(5))
def test_each_level_is_read_best_at_its_depth_and_later_layers_are_more_specific(
    tmp_path: Path, seed: int
) -> None:
    specimen, untrained = trained(tmp_path, seed=seed)
    found = probe_layers(specimen, untrained=untrained)
    strokes, shapes, objects = places(found)
    assert strokes <= 2
    assert 2 < shapes < objects
    for name in ("upper shape", "lower shape", "task"):
        best = max(found.of(name), key=lambda each: each.accuracy.value)
        assert best.scrambled is not None
        assert best.step_0 is not None
        assert best.accuracy.low > max(best.scrambled.high, best.step_0.high) + 0.1
    assert max(each.accuracy.value for each in found.of("task")) > 0.95
    scores = [each.score.value for each in generic_specific(specimen, untrained=untrained).layers]
    assert scores == sorted(scores)
