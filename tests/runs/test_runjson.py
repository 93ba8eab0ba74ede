from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from weightdesk.errors import RunFormatError
from weightdesk.runs import Store, open_run
from weightdesk.runs.runjson import check_run_json, is_built_in

RECIPE: dict[str, Any] = {
    "data": {"kind": "digits", "path": None, "content_hash": None},
    "network": "mlp",
    "layers": [16],
    "batch": 32,
    "lr": 0.1,
    "max_norm": None,
    "dataset": {"input_shape": [1, 8, 8], "outputs": 10, "feature_names": []},
    "split": {"train": 1258, "validation": 180, "test": 359},
}


def change(content: dict[str, Any], path: str, value: Any) -> None:
    *places, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    holder: Any = content
    for place in places:
        holder = holder[place]
    holder[last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("created", 3, "its created is 3: input should be a valid string"),
        ("last_step", "x", "its last_step is 'x'"),
        ("last_step", -1, "its last_step is -1: input should be greater than or equal to 0"),
        ("last_step", 10**13, "its last_step is 10000000000000: input should be less than"),
        ("last_step", True, "its last_step is True: input should be a valid integer"),
        ("model", None, "its model is None"),
        ("model.parameters", None, "its model.parameters is None"),
        ("model.parameters.0.shape", [3.0, 4], r"its model.parameters.0.shape.0 is 3.0"),
        ("model.parameters.0.shape", [-3, 4], r"its model.parameters.0.shape.0 is -3"),
        ("model.parameters.0.shape", [2**40, 2**40], "the shape has too many elements"),
        ("model.parameters.0.shape", [1] * 65, "its model.parameters.0.shape is"),
        ("model.parameters.1.name", "fc.weight", "two parameters have the name 'fc.weight'"),
        ("model.parameters.1.name", "tied.weight", "two parameters have the name 'tied.weight'"),
        ("model.parameters.0.aliases", ["a", "a"], "two parameters have the name 'a'"),
        ("model.parameters.0.aliases", "ab", "its model.parameters.0.aliases is 'ab'"),
        ("model.parameters.0", 3, "its model.parameters.0 is 3"),
        ("model.modules", [{"name": "fc"}], "it has no model.modules.0.class"),
        ("model.modules", [{"name": "a", "class": "L"}] * 2, "two modules have the name 'a'"),
        ("optimizers", [{"class": "SGD"}], "it has no optimizers.0.groups"),
        ("optimizers.0.groups.0.parameters", [0], "its optimizers.0.groups.0.parameters.0 is 0"),
        ("recipe", [1], r"its recipe is \[1\]"),
        ("parent", [1], r"its parent is \[1\]"),
        ("parent", {"mix": {"turns": 3}}, "its parent.mix.turns is 3"),
        ("recording", None, "its recording is None"),
        ("recording.sampled", {"fc.weight": [-1]}, "its recording.sampled.fc.weight.0 is -1"),
        ("recording.notes", ["fine", 3], "its recording.notes.1 is 3"),
        ("command", "weightdesk", "its command is 'weightdesk'"),
        ("note", "x" * (2**24 + 1), "its note is 'xxx.*…: string should have at most"),
    ],
)
def test_a_wrong_value_is_named(record: Callable[..., Store], path: str, value: Any, words: str) -> None:
    store = record()
    content = json.loads(store.read("run.json"))
    check_run_json(copy.deepcopy(content))
    change(content, path, value)
    with pytest.raises(ValueError, match=words):
        check_run_json(content)
    store.write("run.json", lambda file: file.write_text(json.dumps(content)))
    with pytest.raises(RunFormatError, match=r"run.json is damaged: it.*; expected what") as caught:
        open_run(store.location)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_entries_may_have_more_keys(record: Callable[..., Store]) -> None:
    store = record()
    content = json.loads(store.read("run.json"))
    content["model"]["parameters"][0]["colour"] = "green"
    content["mood"] = {"any": [1]}
    check_run_json(content)


def test_a_recipe_of_a_built_in_training_is_told_from_notes() -> None:
    assert is_built_in(RECIPE)
    assert not is_built_in(None)
    assert not is_built_in({"data": "cifar", "network": "resnet", "batch": 128})
    for path, value in (("batch", 0), ("split", {}), ("dataset.outputs", -1), ("data.kind", None)):
        other = copy.deepcopy(RECIPE)
        change(other, path, value)
        assert not is_built_in(other)


def test_what_a_user_noted_as_recipe_keeps_the_run_readable(record: Callable[..., Store]) -> None:
    noted = {"data": "cifar", "network": "resnet"}
    run = open_run(record(recipe=noted).location)
    assert run.recipe is None
    assert run.manifest.recipe == noted
    assert open_run(record(recipe=RECIPE).location).recipe == RECIPE
