"""Nothing of the machine, and nothing secret, is in what a run stores; and it is found again all the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from called import Call

TABLE = "a,b,y\n" + "\n".join(f"{i},{i % 7},{'no' if i % 2 else 'yes'}" for i in range(60))
SHORT = ("--target", "y", "--steps", "3", "--layers", "4")


def test_a_run_of_ones_own_data_is_opened_where_they_are_or_are_named(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, run = tmp_path / "secret" / "patients.csv", tmp_path / "client-x" / "run"
    table.parent.mkdir()
    table.write_text(TABLE)
    assert call("train", str(table), *SHORT, "--run", str(run)).code == 0
    stored = (run / "run.json").read_text("utf-8")
    assert str(tmp_path) not in stored
    assert json.loads(stored)["recipe"]["data"]["path"] == "secret/patients.csv"
    assert json.loads(stored)["command"][:4] == ["weightdesk", "train", "secret/patients.csv", "--target"]
    turned = ("turn", str(run), "mute hidden1[0]")
    assert call(*turned).code == 0
    (tmp_path / "elsewhere" / "deep" / "deeper").mkdir(parents=True)
    shutil.move(run, tmp_path / "elsewhere" / "deep" / "deeper" / "run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    moved = str(tmp_path / "elsewhere" / "deep" / "deeper" / "run")
    assert "patients.csv, which lies neither" in call("turn", moved, "mute hidden1[0]").is_refused()
    assert call("turn", moved, "mute hidden1[0]", "--data", str(table)).code == 0
    assert call("explain", moved, "hidden1.weight", "0,0", "--data", str(table)).code == 0
    again = call("train", "--again", moved, "--data", str(table), "--run", "again", "--json")
    assert again.facts["again"]["same"]
    assert "--data goes with --again and --from" in call("train", "xor", "--data", str(table)).is_refused()


def test_what_a_run_goes_on_from_is_told_by_its_name(call: Call, tmp_path: Path) -> None:
    first = str(tmp_path.parent / f"{tmp_path.name}-first")
    assert call("train", "xor", "--steps", "3", "--layers", "4", "--run", first).code == 0
    assert call("train", "--from", first, "--steps", "2", "--run", "next").code == 0
    stored = Path("next", "run.json").read_text("utf-8")
    assert str(tmp_path.parent) not in stored
    assert json.loads(stored)["parent"]["run"] == Path(first).name


def test_a_recipe_of_somebody_else_opens_and_builds_nothing_else(call: Call) -> None:
    assert (
        call("train", "digits", "--network", "mlp", "--layers", "4", "--steps", "2", "--run", "run").code == 0
    )
    file = Path("run", "run.json")
    good = json.loads(file.read_text("utf-8"))
    layers = good | {"recipe": good["recipe"] | {"layers": [100_000, 100_000]}}
    source = good["recipe"]["data"] | {"kind": "arrays", "path": "/dev/zero", "content_hash": "0" * 64}
    for changed, words in (
        (layers, "makes a network of"),
        (good | {"recipe": good["recipe"] | {"data": source}}, "trained on zero, which lies neither"),
    ):
        file.write_text(json.dumps(changed), "utf-8")
        assert words in call("turn", "run", "mute output[0]").is_refused()
        assert words in call("train", "--again", "run", "--run", "again").is_refused()
        assert words in call("capture", "run").is_refused()
        assert words in call("explain", "run", "output.weight", "0,0").is_refused()
