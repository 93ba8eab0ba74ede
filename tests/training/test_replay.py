"""The batch of a step is found again: its gradient is the one that was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from weightdesk import open_run
from weightdesk.errors import DataError, OptionError
from weightdesk.training import Recipe, prepare, replay, train


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"l2": 0.01}, {"batch": 100}])
@pytest.mark.parametrize("step", [0, 3, 9])
def test_the_gradient_of_the_replayed_batch_is_the_recorded_one(
    options: dict[str, float], step: int, tmp_path: Path
) -> None:
    recipe = Recipe.create("digits", network="mlp", layers=16, steps=10, **{"dropout": 0.0, **options})
    train(recipe, tmp_path / "run", every=1)
    run = open_run(tmp_path / "run")
    assert run.recipe is not None
    moment = replay(run.recipe, step)
    run.load_into(moment.model, step)
    before = torch.get_rng_state()
    with torch.random.fork_rng():
        torch.set_rng_state(moment.random_state)
        moment.loss(moment.model(moment.inputs), moment.targets).backward()
    weight = moment.model.get_parameter("hidden1.weight")
    expected = run.gradient("hidden1.weight", step)
    torch.testing.assert_close(weight.grad + 2 * moment.penalty * weight.detach(), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_replay_is_the_same_each_time_and_leaves_the_random_numbers_alone() -> None:
    stored, before = prepare(Recipe.create("xor", dropout=0.5)).stored, torch.get_rng_state()
    first, second = replay(stored, 4), replay(stored, 4)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.examples, second.examples)
    assert torch.equal(first.random_state, second.random_state)
    assert not torch.equal(first.random_state, replay(stored, 5).random_state)


def test_a_step_that_never_was_is_refused() -> None:
    stored = prepare(Recipe.create("xor", steps=5)).stored
    with pytest.raises(OptionError, match="no step 5: its steps are 0 to 4"):
        replay(stored, 5)


def test_changed_data_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    stored = prepare(Recipe.create(str(table), target="y")).stored
    replay(stored, 0)
    table.write_text("a,y\n" + "".join(f"{i + 1},{i % 2}\n" for i in range(40)))
    with pytest.raises(DataError, match="has changed since the run was made"):
        replay(stored, 0)
