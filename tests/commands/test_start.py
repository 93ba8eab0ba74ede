"""`weightdesk train --from`: what it takes weights and recipe from, and what the new run says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from called import Call
from safetensors.torch import load_file, save_file

from weightdesk import open_run
from weightdesk.runs import Parent
from weightdesk.runs.weightfile import write_weights
from weightdesk.training import Recipe, train

MIX = {"mix": 1, "shapes": {}, "turns": [{"turn": "mute", "place": "hidden1[0]"}]}


@pytest.fixture
def origin(call: Call) -> Path:
    """A short training, in the folder of the test."""
    train(Recipe.create("xor", layers=4, steps=6, seed=3, optimizer="sgd", lr=0.3), "runs/first", every=2)
    return Path("runs/first")


def test_a_run_is_gone_on_from_at_its_last_step_with_its_own_recipe(call: Call, origin: Path) -> None:
    done = call("train", "--from", str(origin), "--run", "runs/next", "--every", "1")
    assert done.code == 0
    assert "going on from runs/first at step 6 with a fresh optimizer" in done.out
    first, following = open_run(origin), open_run("runs/next")
    for name in first.parameters:
        assert torch.equal(following.weights(name, 0), first.weights(name, 6))
    assert following.recipe == first.recipe
    assert following.manifest.parent == Parent("runs/first", 6).to_dict()
    assert first.manifest.parent is None


def test_the_first_step_is_the_one_that_the_recipe_takes_from_these_weights(call: Call, origin: Path) -> None:
    call("train", "--from", str(origin), "--run", "runs/next", "--every", "1")
    first, following = open_run(origin), open_run("runs/next")
    # sgd keeps no memory, and both trainings take the same first batch: only the weights differ
    for name in first.parameters:
        moved = -0.3 * following.gradient(name, 0)
        torch.testing.assert_close(following.update(name, 0), moved)
        assert not torch.equal(following.gradient(name, 0), first.gradient(name, 0))


@pytest.mark.parametrize(
    ("place", "more"),
    [("runs/first", ("--step", "2")), ("runs/first/snapshots/00000002.safetensors", ())],
)
def test_a_snapshot_of_the_run_is_chosen(call: Call, origin: Path, place: str, more: tuple[str, ...]) -> None:
    assert call("train", "--from", place, *more, "--run", "runs/next").code == 0
    following = open_run("runs/next")
    assert torch.equal(following.weights("hidden1.weight", 0), open_run(origin).weights("hidden1.weight", 2))
    assert following.manifest.parent == Parent("runs/first", 2).to_dict()


def test_other_options_override_those_of_the_run(call: Call, origin: Path) -> None:
    done = call("train", "--from", str(origin), "--run", "runs/next", "--lr", "0.01", "--steps", "3",
                "--batch", "16", "--noise", "0.2")  # fmt: skip
    assert done.code == 0
    recipe = open_run("runs/next").recipe
    assert recipe is not None
    assert (recipe["lr"], recipe["steps"], recipe["batch"], recipe["optimizer"]) == (0.01, 3, 16, "sgd")
    assert recipe["data"]["noise"] == 0.2


def weight_file(origin: Path, path: str = "turned.safetensors", **metadata: str) -> str:
    run = open_run(origin)
    tensors = {name: run.weights(name, 4) * 0.5 for name in run.parameters}
    about = Parent("runs/first", 4, MIX).to_metadata()
    write_weights(path, tensors, about | {"recipe": json.dumps(run.recipe)} | metadata)
    return path


def test_a_weight_file_brings_recipe_parent_and_mix(call: Call, origin: Path) -> None:
    file = weight_file(origin)
    done = call("train", "--from", file, "--run", "runs/next", "--json")
    assert done.code == 0
    assert "going on from runs/first at step 4 and 1 turn with a fresh optimizer" in done.err
    following = open_run("runs/next")
    for name, tensor in load_file(file).items():
        assert torch.equal(following.weights(name, 0), tensor)
    assert following.manifest.parent == Parent("runs/first", 4, MIX, file).to_dict()


def test_a_run_that_went_on_is_repeated_bit_for_bit(call: Call, origin: Path) -> None:
    file = weight_file(origin)
    call("train", "--from", file, "--run", "runs/next")
    Path(file).unlink()
    done = call("train", "--again", "runs/next")
    assert done.code == 0
    assert "the same bits as runs/next in all 4 parameters after step 6" in done.out
    assert open_run("runs/xor").manifest.parent == open_run("runs/next").manifest.parent


def test_the_parent_is_shown(call: Call, origin: Path) -> None:
    call("train", "--from", weight_file(origin), "--run", "runs/next")
    assert "from runs/first at step 4 and 1 turn" in call("show", "runs/next").out
    assert call("show", "runs/next", "--json").facts["parent"]["mix"] == MIX
    listed = call("runs", "--json").facts
    assert [each["parent"] for each in listed] == [None, "runs/first at step 4 and 1 turn"]


def test_weights_of_somebody_else_need_a_source(call: Call, origin: Path) -> None:
    run = open_run(origin)
    save_file({name: run.weights(name, -1) for name in run.parameters}, "foreign.safetensors")
    refused = call("train", "--from", "foreign.safetensors").is_refused()
    assert "foreign.safetensors keeps no recipe" in refused
    done = call("train", "circle", "--from", "foreign.safetensors", "--layers", "4", "--steps", "2")
    assert done.code == 0
    assert open_run("runs/circle").manifest.parent == Parent(file="foreign.safetensors").to_dict()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "nowhere.safetensors"], "no file nowhere.safetensors"),
        (["--from", "runs/first/run.json"], "cannot be read as safetensors"),
        (["--from", "runs/first/snapshots/00000002.extra.safetensors"], "no snapshot of weights"),
        (["--from", "runs/first", "--step", "3"], "nearest kept: 2 and 4"),
        (["--from", "runs/first", "--step", "two"], "--step must be a whole number, got 'two'"),
        (["--from", "runs/first/snapshots/00000002.safetensors", "--step", "2"], "leave it out"),
        (["--from", "runs/first", "--layers", "5"], "hidden1.weight has shape (5, 2), recorded is (4, 2)"),
        (["--from", "runs/first", "--init", "zeros"], "leave one of them out"),
        (["--from", "runs/first", "--lr", "-1"], "--lr must be a number above 0"),
        (["--from", "runs/first", "--again", "runs/first"], "leave --from out"),
        (["xor", "--step", "2"], "--step goes with --from"),
        ([], "name what to train"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    call: Call, origin: Path, arguments: list[str], said: str
) -> None:
    assert said in call("train", *arguments, "--run", "runs/next").is_refused()
    assert not Path("runs/next").exists()


@pytest.mark.parametrize(
    ("metadata", "said"),
    [({"recipe": "{"}, "the recipe in the metadata"), ({"parent_step": "two"}, "the metadata of")],
)
def test_damaged_metadata_are_one_line(call: Call, origin: Path, metadata: dict[str, str], said: str) -> None:
    file = weight_file(origin, **metadata)
    assert said in call("train", "--from", file).is_refused()
