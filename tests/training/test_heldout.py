"""The network of a run and its held-out examples: judged anew, they give the numbers of the run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from weightdesk import open_run
from weightdesk.training import Recipe, held_out, prepare, train


@pytest.mark.parametrize("source", ["digits", "diabetes", "xor"])
def test_the_loss_is_the_one_that_the_training_found(source: str, tmp_path: Path) -> None:
    recipe = Recipe.create(source, network="mlp", layers=8, steps=5)
    outcome = train(recipe, tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.recipe is not None
    found = held_out(run.recipe)
    run.load_into(found.model)
    assert not found.model.training
    with torch.no_grad():
        loss = found.loss(found.model(found.inputs), found.targets)
    assert found.part == "test"
    assert loss.item() == pytest.approx(outcome.metrics["test"]["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("shares", "part"),
    [({"test": 0.2}, "test"), ({"test": 0.0}, "validation"), ({"test": 0.0, "validation": 0.0}, "train")],
)
def test_the_examples_are_those_that_the_training_saw_least(shares: dict[str, float], part: str) -> None:
    prepared = prepare(Recipe.create("xor", **shares))
    found = held_out(prepared.stored)
    assert found.part == part
    assert torch.equal(found.inputs, prepared.parts[part].inputs)
    assert torch.equal(found.targets, prepared.parts[part].targets)


def test_names_and_units_come_along() -> None:
    diabetes = held_out(prepare(Recipe.create("diabetes")).stored)
    assert diabetes.class_names == ()
    assert diabetes.scale is not None
    assert len(diabetes.scale.scale) == len(diabetes.target_names) == 1
    assert diabetes.scale.revert(diabetes.targets).mean().item() == pytest.approx(152, abs=10)
    assert len(diabetes.input_names) == diabetes.inputs.shape[1]
    digits = held_out(prepare(Recipe.create("digits")).stored)
    assert (digits.class_names, digits.scale) == (tuple("0123456789"), None)


def test_torchs_random_numbers_stay_as_they_are() -> None:
    stored = prepare(Recipe.create("xor")).stored
    before = torch.get_rng_state()
    held_out(stored)
    assert torch.equal(before, torch.get_rng_state())


def test_texts_come_with_their_words_and_a_way_to_write_others() -> None:
    found = held_out(prepare(Recipe.create("reviews", examples=200)).stored)
    assert found.encode is not None
    row = found.inputs[3]
    text = " ".join(found.tokens[number] for number in row.tolist() if number)
    assert found.encode(text) == row.tolist()
    assert [each.name for each in found.properties][:2] == ["wording", "negation"]
    assert held_out(prepare(Recipe.create("xor")).stored).encode is None
