"""A run of texts is a run like any other: the same bits again, batches found again, all in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from weightdesk import open_run
from weightdesk.runs import Run
from weightdesk.statistics.bits import same_bits
from weightdesk.training import Recipe, held_out, rebuild, replay, train

SMALL: dict[str, dict[str, Any]] = {
    "textcnn": {"layers": "6,6", "embedding": 8},
    "transformer": {"layers": "12", "embedding": 8, "heads": 2},
}


def trained(network: str, folder: Path) -> Run:
    recipe = Recipe.create(
        "reviews", network=network, examples=120, batch=16, steps=6, dropout=0.3, **SMALL[network]
    )
    return open_run(train(recipe, folder, every=1).directory)


@pytest.fixture(scope="module", params=sorted(SMALL))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(request.param, tmp_path_factory.mktemp("texts") / "run")


def test_the_same_recipe_gives_the_same_bits(run: Run, tmp_path: Path) -> None:
    assert run.recipe is not None
    again = open_run(train(Recipe.from_dict(run.recipe), tmp_path / "again", every=1).directory)
    assert list(again.parameters) == list(run.parameters)
    for name in run.parameters:
        assert same_bits(run.weights(name, -1), again.weights(name, -1)), name


@pytest.mark.parametrize("step", [0, 4])
def test_the_gradient_of_a_replayed_batch_is_the_recorded_one(run: Run, step: int) -> None:
    assert run.recipe is not None
    moment = replay(run.recipe, step)
    run.load_into(moment.model, step)
    with torch.random.fork_rng():
        torch.set_rng_state(moment.random_state)
        moment.loss(moment.model(moment.inputs), moment.targets).backward()
    for name in run.parameters:
        torch.testing.assert_close(moment.model.get_parameter(name).grad, run.gradient(name, step))


def test_the_words_lie_in_the_run(run: Run) -> None:
    assert run.recipe is not None
    tokens = run.recipe["dataset"]["tokens"]
    assert tokens[:2] == ["<pad>", "<unk>"]
    assert run.weights("embedding.weight", 0).shape == (len(tokens), 8)
    assert not run.weights("embedding.weight", -1)[0].any()
    assert tuple(tokens) == held_out(run.recipe).tokens


def test_its_network_is_built_from_the_run_alone(run: Run) -> None:
    assert run.recipe is not None
    model = rebuild(run.recipe)
    for name, parameter in model.named_parameters():
        assert same_bits(parameter.detach(), run.weights(name, 0)), name
