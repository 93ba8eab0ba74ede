from __future__ import annotations

import math

import pytest

from weightdesk.terminal.scores import headline, is_held_out, is_share, loss_names, score_names


@pytest.mark.parametrize("name", ["val_loss", "eval/acc", "test.r2", "validation loss", "dev-f1"])
def test_names_of_held_out_metrics(name: str) -> None:
    assert is_held_out(name)


@pytest.mark.parametrize("name", ["loss", "value", "latest_loss", "train/loss"])
def test_names_of_other_metrics(name: str) -> None:
    assert not is_held_out(name)


def test_the_training_metric_comes_first_and_the_test_metric_last() -> None:
    assert loss_names(["test_loss", "val_loss", "loss", "lr"]) == ("loss", "val_loss", "test_loss")
    assert loss_names(["mseloss", "gloss finish"]) == ("mseloss",)


def test_one_kind_of_score_is_chosen() -> None:
    assert score_names(["val_f1", "val_accuracy", "f1"]) == ("val_accuracy",)
    assert score_names(["loss"]) == ()


def test_shares() -> None:
    assert is_share("eval/acc")
    assert not is_share("r2")


def test_the_headline_prefers_scores_on_held_out_data() -> None:
    assert headline({"loss": 1.0, "val_loss": 2.0}) == ("val_loss", 2.0)
    assert headline({"acc": 0.5, "val_acc": math.nan}) == ("acc", 0.5)
    assert headline({"lr": 0.1}) is None
    name, value = headline({"val_acc": math.nan}) or ("", 0.0)
    assert name == "val_acc"
    assert math.isnan(value)
