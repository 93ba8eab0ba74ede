from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import weightdesk as wd
from weightdesk.errors import OptionError
from weightdesk.training import Recipe, train
from weightdesk.training.compare import Comparison, Difference, compare_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    options = {"network": "mlp", "layers": (12,), "steps": 120, "dropout": 0}
    changes = {"plain": {}, "same": {}, "decayed": {"l2": 0.05}, "seeded": {"seed": 1}}
    return {
        name: train(Recipe.create("digits", **options, **change), folder / name).directory
        for name, change in changes.items()
    }


def layers(found: Difference) -> dict[str, dict]:
    return {row["layer"]: row for row in found.sections()[2].table.to_pylist()}


def test_the_same_training_differs_in_nothing(runs: dict[str, Path]) -> None:
    found = compare_runs([runs["plain"], runs["same"]])
    assert (
        found.title
        == "same beside plain: no option differs, their losses are the same bits at all shared steps"
    )
    for row in layers(found).values():
        assert (row["weights"], row["aligned"]) == (0, 0)
        assert row["CKA"] == pytest.approx(1)


def test_a_penalty_parts_the_curves_after_the_first_step(runs: dict[str, Path]) -> None:
    found = compare_runs([runs["plain"], runs["decayed"]])
    assert found.options == {"l2": ["0.0", "0.05"]}
    (parted,) = found.partings.values()
    assert parted is not None
    assert parted.unlike == 1  # the first weights, and so the first loss, are the same
    assert parted.step is not None


def test_another_seed_gives_other_units_and_alignment_brings_them_nearer(runs: dict[str, Path]) -> None:
    found = compare_runs([runs["plain"], runs["seeded"], runs["decayed"]])
    assert found.options["seed"] == ["0", "1", "0"]
    assert set(found.layers) == {"seeded", "decayed"}
    for row in layers(found).values():
        assert row["aligned"] < row["weights"]
        assert row["CKA"] < 0.99


def test_networks_of_different_shapes_say_so(runs: dict[str, Path], two_settings: Comparison) -> None:
    found = compare_runs([runs["plain"], two_settings.folder / "he_normal-seed0"])
    section = found.sections()[2]
    assert "units are not aligned: the networks have different shapes" in section.note
    assert {row["layer"] for row in section.table.to_pylist()} == {"hidden1", "output"}


def test_loops_of_ones_own_are_compared_without_cka(tmp_path: Path) -> None:
    for number in range(2):
        torch.manual_seed(number)
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1 + number)
        with wd.watch(model, optimizer, tmp_path / str(number), every=1) as recording:
            for _ in range(3):
                loss = model(torch.randn(8, 4)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                recording.log(loss=loss)
                optimizer.step()
    found = compare_runs([tmp_path / "0", wd.open_run(tmp_path / "1")])
    assert found.options == {"optimizer group 0 lr": ["0.1", "1.1"]}
    assert found.title == "1 beside 0: 1 option differs, their losses cannot be compared"
    note = found.sections()[2].note
    assert "no plain rows of layers" in note
    assert "no CKA" in note


def test_one_run_is_too_few(runs: dict[str, Path]) -> None:
    with pytest.raises(OptionError, match="two runs or more, got 1"):
        compare_runs([runs["plain"]])
