"""Comparisons as a whole: the same numbers whatever the workers, failures, deaths, interruptions."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from quickly import QUICK, TWO

from weightdesk import open_run
from weightdesk.errors import RunExistsError
from weightdesk.training.compare import Comparison, compare, read_comparison
from weightdesk.training.compare.member import Ending, Standing

LONG = {**QUICK, "steps": 1500}


def plain(found: Comparison) -> Any:
    """All that a page says, without NaN, which is unlike itself."""
    return json.loads(
        json.dumps([each.table.to_pylist() for each in found.sections()]).replace("NaN", '"none"')
    )


def test_numbers_are_the_same_for_one_worker_and_for_two(two_settings: Comparison, tmp_path: Path) -> None:
    alone = compare("digits", TWO, tmp_path / "one", seeds=3, workers=1, **QUICK)
    assert plain(alone) == plain(two_settings)
    for name in two_settings.record.members:
        one, other = open_run(alone.folder / name), open_run(two_settings.folder / name)
        assert one.steps == other.steps
        assert all(torch.equal(one.weights(each, -1), other.weights(each, -1)) for each in one.parameters)


def test_a_member_is_a_run_like_any_other(two_settings: Comparison, tmp_path: Path) -> None:
    from weightdesk.training import Recipe, train

    run = open_run(two_settings.folder / "he_normal-seed2")
    again = train(Recipe.create("digits", init="he_normal", seed=2, **QUICK), tmp_path / "again")
    assert torch.equal(
        run.weights("output.weight", -1), open_run(again.directory).weights("output.weight", -1)
    )
    assert run.steps == (0, *range(2, 21, 2))


def test_what_is_finished_is_not_trained_again(two_settings: Comparison) -> None:
    heard: list[object] = []
    found = compare("digits", TWO, two_settings.folder, seeds=3, hear=heard.append, **QUICK)
    assert heard == []
    assert plain(found) == plain(two_settings) == plain(read_comparison(two_settings.folder))


@pytest.mark.heavy
def test_seeds_and_settings_can_be_added(tmp_path: Path) -> None:
    compare("xor", TWO, tmp_path, seeds=1, steps=4)
    ended: list[str] = []
    more = {"init": ["zeros", "he_normal", "orthogonal"]}
    compare("xor", more, tmp_path, seeds=2, steps=4, hear=lambda said: names(said, ended))
    assert sorted(ended) == ["he_normal-seed1", "orthogonal-seed0", "orthogonal-seed1", "zeros-seed1"]


def test_runs_of_another_recipe_are_never_overwritten(two_settings: Comparison) -> None:
    with pytest.raises(RunExistsError, match="a run of another recipe; give --run another folder"):
        compare("digits", TWO, two_settings.folder, seeds=3, **{**QUICK, "lr": 0.1})


def test_a_killed_worker_loses_only_its_member_and_the_comparison_goes_on_later(tmp_path: Path) -> None:
    killed: list[str] = []

    def hear(said: Standing | Ending) -> None:
        if isinstance(said, Standing) and said.step and not killed:
            killed.append(said.name)
            os.kill(said.process, signal.SIGKILL)

    found = compare("digits", TWO, tmp_path, seeds=2, workers=2, hear=hear, **LONG)
    (lost,) = killed
    assert {name for name, each in found.record.members.items() if each["status"] == "finished"} == {
        *found.record.members
    } - {lost}
    assert found.unfinished[lost].startswith("killed: its process ended by signal 9 (Killed)")
    assert found.sections()[0].title == "not finished"
    assert open_run(tmp_path / lost).status == "killed"

    ended: list[str] = []
    whole = compare("digits", TWO, tmp_path, seeds=2, hear=lambda said: names(said, ended), **LONG)
    assert ended == [lost]
    assert not whole.unfinished


def test_an_interrupted_comparison_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def interrupt(said: Standing | Ending) -> None:
        if isinstance(said, Standing) and said.name == "zeros-seed1" and said.step:
            raise KeyboardInterrupt  # as Ctrl-C does, wherever it finds us

    with pytest.raises(KeyboardInterrupt):
        compare("digits", TWO, tmp_path, seeds=2, workers=1, hear=interrupt, **LONG)
    found = read_comparison(tmp_path)
    assert found.finished.keys() == {"zeros", "he_normal"}
    assert open_run(tmp_path / "zeros-seed1").status == "interrupted"
    ended: list[str] = []
    compare("digits", TWO, tmp_path, seeds=2, hear=lambda said: names(said, ended), **LONG)
    assert sorted(ended) == ["he_normal-seed1", "zeros-seed1"]


def test_a_failing_member_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = compare("xor", {"network": ["textcnn", "mlp"]}, tmp_path, seeds=1, steps=4)
    assert found.unfinished == {
        "textcnn-seed0": "failed: OptionError: --network textcnn takes texts, and the inputs are numbers of "
        "shape (2,); use --network mlp, or name a column of text with --text"
    }
    assert found.verdict.startswith("only mlp has finished trainings: test accuracy")
    assert [each.title for each in found.sections()][:2] == ["not finished", "final accuracy and loss"]


def test_a_comparison_of_failures_still_has_a_page(tmp_path: Path) -> None:
    found = compare("xor", {"network": ["textcnn", "transformer"]}, tmp_path, seeds=1, steps=4)
    assert found.title == "no training has finished, so nothing can be compared"
    assert [each.title for each in found.sections()] == ["not finished"]


def names(said: Standing | Ending, ended: list[str]) -> None:
    if isinstance(said, Ending):
        ended.append(said.name)
