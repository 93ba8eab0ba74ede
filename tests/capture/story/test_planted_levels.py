"""Pictures made level upon level: strokes are read early, shapes in the middle, objects last."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.story.generic import generic_specific
from weightdesk.capture.story.probes import LayerProbes, probe_layers
from weightdesk.properties import Property
from weightdesk.runs import open_run
from weightdesk.training import Recipe, prepare, train


def trained(folder: Path, **options: int) -> tuple[Specimen, nn.Module]:
    """The network at its last step on held-out examples, and at step 0."""
    recipe = Recipe.create("shapes", **options)
    run = open_run(train(recipe, folder / "run", every=10_000).directory)
    prepared = prepare(recipe)
    untrained = prepared.model.eval()
    model = copy.deepcopy(untrained)
    run.load_into(model, run.steps[-1])
    parts = [prepared.parts[each] for each in ("validation", "test")]
    properties = zip(*(each.properties for each in parts), strict=True)
    specimen = Specimen(
        model,
        torch.cat([each.inputs for each in parts]),
        torch.cat([each.targets for each in parts]),
        prepared.dataset.class_names,
        tuple(joined(first, second) for first, second in properties),
    )
    return specimen, untrained


def joined(first: Property, second: Property) -> Property:
    return Property(first.name, torch.cat([first.values, second.values]), first.names, first.level)


def best_place(found: LayerProbes, level: int) -> int:
    """The layer from which the properties of a level are read best on average; 0 is the inputs."""
    names = {each.asked.name for each in found.probes if each.asked.level == level}
    scores = torch.tensor([[each.accuracy.value for each in found.of(name)] for name in names])
    return int(scores.mean(0).argmax())


def test_after_a_short_training_strokes_are_read_before_objects(tmp_path: Path) -> None:
    specimen, untrained = trained(tmp_path, seed=0, examples=3000, steps=500)
    found = probe_layers(specimen, untrained=untrained, permuted=5)
    assert best_place(found, 0) < best_place(found, 1) < len(found.of("task")) - 1
    best = max(found.of("task"), key=lambda each: each.accuracy.value)
    assert best_place(found, 2) >= best_place(found, 1)
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
    strokes, shapes, objects = (best_place(found, level) for level in range(3))
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
