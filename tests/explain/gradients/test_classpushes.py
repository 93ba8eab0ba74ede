"""The classes' pushes add up to the gradient's part of each move; a planted class pushes alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from weightdesk import Run, open_run
from weightdesk.errors import OptionError
from weightdesk.explain import explain_classes
from weightdesk.training import Recipe, replay, replays, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    recipe = Recipe.create(
        "digits", network="mlp", layers=8, steps=12, dropout=0.2, optimizer="sgd", lr=0.1, weight_decay=0.0
    )
    train(recipe, folder, every=3)
    return open_run(folder)


def test_the_classes_add_up_to_the_gradients_part_of_each_move(run: Run) -> None:
    name, index = "hidden1.weight", (2, 20)
    found = explain_classes(run, replays(run.recipe, run.gradient_steps), name, index)
    assert found.steps == (0, 3, 6, 9)
    for step, pushes in zip(found.steps, found.pushes, strict=True):
        parts = {part.name: part.value for part in run.explain_update(name, index, step).parts}
        assert pushes.sum().item() == pytest.approx(parts["gradient"], rel=1e-4, abs=1e-9)
    assert found.names == tuple(map(str, range(10)))
    assert found.to_arrow().num_rows == 10


def test_between_the_steps_it_is_interpolated(run: Run) -> None:
    found = explain_classes(run, replays(run.recipe, [0, 3]), "output.bias", (1,))
    first, last = found.pushes
    expected = sum(first + (last - first) * step / 3 for step in range(4))
    torch.testing.assert_close(found.total, expected)


def test_the_bias_of_a_class_is_pushed_up_by_its_own_examples_alone(run: Run) -> None:
    found = explain_classes(run, replays(run.recipe, [0, 6]), "output.bias", (4,))
    assert (found.pushes[:, 4] > 0).all()
    assert (found.pushes[:, [0, 1, 2, 3, 5, 6, 7, 8, 9]] <= 0).all()
    assert "which classes moved it" in found.title


def test_without_steps_or_classes_there_is_nothing_to_say(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no step to run again"):
        explain_classes(run, [], "output.bias", (4,))
    train(Recipe.create("radio", steps=3), tmp_path / "radio", every=1)
    radio = open_run(tmp_path / "radio")
    with pytest.raises(OptionError, match="only a classification has classes"):
        explain_classes(radio, [replay(radio.recipe, 0)], "output.weight", (0, 0))
