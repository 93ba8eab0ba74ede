from __future__ import annotations

import json
from pathlib import Path

import pytest

from weightdesk.errors import RunFormatError
from weightdesk.training.compare import Comparison, read_comparison
from weightdesk.training.compare.record import FILE


def table(found: Comparison, title: str) -> list[dict]:
    return next(each.table.to_pylist() for each in found.sections() if each.title == title)


def test_the_verdict_has_its_numbers(two_settings: Comparison) -> None:
    assert two_settings.title == two_settings.verdict
    first, second = (row["accuracy"] for row in table(two_settings, "final accuracy and loss"))
    for part in (
        f"{100 * first:.1f} %",
        f"{100 * second:.1f} %",
        f"difference {100 * (first - second):.1f} points",
    ):
        assert part in two_settings.verdict
    assert "3 seeds p " in two_settings.verdict


def test_final_numbers_are_those_of_the_runs(two_settings: Comparison) -> None:
    for row in table(two_settings, "final accuracy and loss"):
        runs = [each.run for each in two_settings.results[row["setting"]]]
        values = [run.metrics["test_accuracy"].drop_null()[-1].as_py() for run in runs]
        assert row["accuracy"] == pytest.approx(sum(values) / 3)
        assert (row["seeds"], row["missing"]) == (3, 0)


def test_zeros_are_said_not_to_start(two_settings: Comparison) -> None:
    rows = {row["setting"]: row for row in table(two_settings, "before training")}
    assert rows["zeros"]["at step 0"] == "cannot start"
    assert rows["he_normal"]["at step 0"] == "even"
    weights = table(two_settings, "weights through the training")
    assert {row["distance"] for row in weights if row["setting"] == "zeros"} == {0.0}
    last = [row for row in weights if row["setting"] == "he_normal" and row["step"] == 20]
    assert all(row["distance"] > 0 for row in last)


def test_distances_are_those_between_snapshots(two_settings: Comparison) -> None:
    rows = table(two_settings, "weights through the training")
    row = next(each for each in rows if each["setting"] == "he_normal" and each["step"] == 20)
    expected = [
        float((each.run.weights(row["layer"], 20) - each.run.weights(row["layer"], 0)).norm())
        for each in two_settings.results["he_normal"]
    ]
    assert row["distance"] == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_curves_have_bands(two_settings: Comparison) -> None:
    rows = [
        row for row in table(two_settings, "val_loss through the training") if row["setting"] == "he_normal"
    ]
    assert [row["step"] for row in rows] == [0, 20]
    assert all(row["low"] <= row["mean"] <= row["high"] for row in rows)


def test_a_damaged_file_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(RunFormatError, match="is damaged"):
        read_comparison(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"format": "weightdesk comparison", "version": 99}))
    with pytest.raises(RunFormatError, match="another weightdesk"):
        read_comparison(tmp_path)


def test_the_file_is_plain_json(two_settings: Comparison) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    stored = json.loads((two_settings.folder / FILE).read_text(), parse_constant=refuse)
    assert stored["seeds"] == [0, 1, 2]
    assert {each["status"] for each in stored["members"].values()} == {"finished"}
