from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

import weightdesk.training.loop as loop
from weightdesk.errors import DataError, OptionError, RunExistsError
from weightdesk.runs import open_run
from weightdesk.training import Recipe, prepare, rebuild, train
from weightdesk.training.loop import Course
from weightdesk.training.randomness import seeded

QUICK = {"layers": "8", "steps": 40}


def bits(model: torch.nn.Module) -> list[bytes]:
    return [each.detach().numpy().tobytes() for each in model.parameters()]


def last_weights(run) -> dict[str, torch.Tensor]:
    return {name: run.weights(name, run.steps[-1]) for name in run.parameters}


def test_the_same_seed_gives_the_same_bits_and_another_does_not(follow):
    first, again, other = (follow("spirals", seed=seed, dropout=0.3, **QUICK)[0].model for seed in (4, 4, 5))
    assert bits(first) == bits(again)
    assert bits(first) != bits(other)


def test_a_stored_recipe_gives_identical_weights_again(tmp_path):
    train(Recipe.create("digits", steps=12, seed=3), tmp_path / "first")
    stored = json.loads((tmp_path / "first" / "run.json").read_text())["recipe"]
    train(Recipe.from_dict(stored), tmp_path / "again", cost=None)
    first, again = (last_weights(open_run(tmp_path / name)) for name in ("first", "again"))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_callers_random_numbers_are_left_alone(tmp_path):
    torch.manual_seed(1)
    np.random.seed(1)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(Recipe.create("digits", steps=3), tmp_path / "run")
    assert torch.equal(before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()


def test_it_is_the_plain_loop_bit_for_bit(follow):
    recipe = Recipe.create("gauss", dropout=0.2, **QUICK)
    ours, _ = follow(recipe)
    plain = prepare(recipe)
    inputs, targets = plain.parts["train"].inputs, plain.parts["train"].targets
    schedule = torch.optim.lr_scheduler.LambdaLR(
        plain.optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * (step / 40)))
    )
    batches = plain.batches()
    with seeded(recipe.seed):
        for _ in range(40):
            batch = next(batches)
            plain.optimizer.zero_grad()
            torch.nn.functional.cross_entropy(plain.model(inputs[batch]), targets[batch]).backward()
            plain.optimizer.step()
            schedule.step()
    assert bits(ours.model) == bits(plain.model)


def test_metrics_are_logged_under_their_names(follow):
    prepared, recorder = follow("xor", **QUICK)
    assert len(recorder.series("loss")) == len(recorder.series("lr")) == 40
    assert len(recorder.series("accuracy")) == 4
    assert len(recorder.series("val_loss")) == len(recorder.series("val_accuracy")) == 5
    assert recorder.series("test_accuracy") == [prepared.measure("test")["accuracy"]]
    assert recorder.series("lr")[0] == prepared.recipe.lr
    _, recorder = follow("diabetes", **QUICK)
    assert recorder.series("val_mae")[-1] > 10  # in the user's units, not the standardised ones
    assert recorder.series("val_r2")[0] < 0.3


def test_a_run_is_written_with_all_that_is_needed_to_rebuild_the_model(tmp_path):
    outcome = train(Recipe.create("digits", network="mlp", **QUICK), tmp_path / "run", every=1)
    run = open_run(tmp_path / "run")
    assert outcome.status == "finished"
    assert run.steps[-1] == outcome.steps == 40
    stored = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
    model = rebuild(stored)
    assert torch.equal(model.hidden1.weight, run.weights("hidden1.weight", 0))
    run.load_into(model, 40)
    measured = prepare(Recipe.from_dict(stored))
    score = measured.objective.measure(model, measured.parts["test"].inputs, measured.parts["test"].targets)
    assert score == outcome.metrics["test"]
    assert {"loss", "accuracy", "lr", "val_loss", "val_accuracy"} <= set(run.metrics.column_names)


def test_the_recorded_update_is_that_of_the_regularised_weights(tmp_path):
    recipe = Recipe.create("mixdown", l1=0.5, max_norm=0.4, weight_decay=0.1, steps=6)
    train(recipe, tmp_path / "run", every=1)
    run = open_run(tmp_path / "run")
    for step in range(5):
        moved = run.weights("output.weight", step + 1) - run.weights("output.weight", step)
        assert torch.equal(run.update("output.weight", step), moved)
    assert run.weights("output.weight", 6).norm() <= 0.4 * (1 + 1e-5)


def test_ctrl_c_leaves_a_readable_run(tmp_path, monkeypatch):
    def interrupt(report):
        if report.step >= 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    outcome = train(Recipe.create("xor", **QUICK), tmp_path / "run", progress=interrupt)
    assert outcome.interrupted
    assert outcome.steps == 10
    assert set(outcome.metrics) == {"train", "validation", "test"}
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    assert open_run(tmp_path / "run").steps[-1] == 10


def test_an_interrupt_within_the_loop_keeps_what_was_done(new_recorder):
    course = Course(prepare(Recipe.create("xor", **QUICK)))
    with pytest.raises(KeyboardInterrupt), seeded(0):
        course.run(new_recorder(interrupt_at=5))
    outcome = course.outcome("run", "interrupted")
    assert outcome.steps == 5
    assert outcome.seconds > 0
    assert outcome.recording_cost == 0.25
    assert math.isfinite(outcome.loss)


def test_an_interrupt_before_the_first_step_has_no_loss():
    outcome = Course(prepare(Recipe.create("xor", **QUICK))).outcome("run", "interrupted")
    assert math.isnan(outcome.loss)
    assert outcome.steps_per_second == 0
    assert outcome.best_step is None


def test_early_stop_ends_without_a_better_validation_loss(new_recorder):
    recipe = Recipe.create("xor", layers="8", epochs=50, lr=1e-9, early_stop=4, schedule="constant")
    prepared = prepare(recipe)
    with torch.no_grad():
        prepared.model.output.weight.mul_(1e6)  # a loss so large that tiny steps cannot be seen in it
    course = Course(prepared)
    with seeded(0):
        assert course.run(new_recorder()) == "stopped early"
    assert course.step < prepared.steps()
    assert course.step - course.best_step >= 4 * prepared.steps_per_epoch()


def test_early_stop_waits_while_the_loss_still_falls(follow):
    _, recorder = follow("gauss", epochs=4, early_stop=3, lr=1e-3)
    assert len(recorder.series("loss")) == 4 * 11


def test_without_held_out_data_it_trains_all_the_same(follow):
    prepared, recorder = follow("xor", validation=0, test=0, **QUICK)
    assert set(prepared.parts) == {"train"}
    assert recorder.series("val_loss") == []


def test_progress_is_told_how_the_training_stands(follow, new_recorder, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    reports = []
    course = Course(prepare(Recipe.create("xor", **QUICK)), reports.append)
    with seeded(0):
        course.run(new_recorder())
    assert [each.step for each in reports] == list(range(1, 41))
    assert reports[-1].steps == 40
    assert reports[-1].recording_cost == 0.25
    assert reports[-1].held_out["accuracy"] == course.held_out["accuracy"]


def test_progress_is_called_seldom_but_at_the_end(new_recorder, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 1e9)
    reports = []
    with seeded(0):
        Course(prepare(Recipe.create("xor", **QUICK)), reports.append).run(new_recorder())
    assert [each.step for each in reports] == [40]


def test_nothing_is_written_when_the_recipe_cannot_be_followed(tmp_path):
    with pytest.raises(OptionError, match="--network cnn needs"):
        train(Recipe.create("xor", network="cnn"), tmp_path / "run")
    with pytest.raises(DataError, match="too few"):
        train(Recipe.create("xor", examples=3), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_is_not_overwritten(tmp_path):
    train(Recipe.create("xor", steps=1), tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(RunExistsError):
        train(Recipe.create("xor", steps=2), tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "least"),
    [("digits", 0.98), ("spirals", 0.95), ("circle", 0.98), ("xor", 0.98), ("gauss", 0.97),
     ("breast-cancer", 0.94), ("diabetes", 0.25), ("radio", 0.98), ("mixdown", 0.9999)],
)  # fmt: skip
def test_each_built_in_recipe_learns(follow, name, least):
    prepared, _ = follow(name)
    assert prepared.measure("test")[prepared.objective.score] >= least


def test_rebuild_needs_a_whole_recipe():
    with pytest.raises(OptionError, match="'dataset'"):
        rebuild(Recipe.create("xor").to_dict())
