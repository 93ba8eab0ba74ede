from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

import weightdesk
from weightdesk.checkup.passrows import check_passes
from weightdesk.checkup.record import Record
from weightdesk.errors import RunFormatError
from weightdesk.runs import open_run
from weightdesk.runs.format import PASSES_SCHEMA


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Passes of a classifier, as a recording writes them."""
    folder = tmp_path_factory.mktemp("passes") / "run"
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, folder, check=False):
        for _ in range(4):
            inputs = torch.randn(8, 4)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), inputs.argmax(1) % 3).backward()
            optimizer.step()
    found: list[dict[str, Any]] = open_run(folder).passes.to_pylist()
    assert any(row["graph"] for row in found)
    assert any(row["labels"] for row in found)
    return found


def test_what_a_recording_writes_is_let_in(rows: list[dict[str, Any]]) -> None:
    assert check_passes(rows, "passes") is rows


ENTRY = {"function": "relu", "after": "0.weight", "last": False, "units": 6, "silent": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backward": None}, "0.backward: Input should be a valid boolean"),
        ({"examples": -1}, "0.examples: Input should be greater than or equal to 0"),
        ({"output_shape": None}, "0.output_shape"),
        ({"output_shape": []}, "it has labels, but no outputs"),
        ({"outputs": []}, "it has labels, but no outputs"),
        ({"output_count": None}, "it has labels, but no outputs"),
        ({"graph": "[" * 5000}, "recursion limit"),
        ({"graph": "nothing"}, "Invalid JSON"),
        ({"graph": '{"a": 1}'}, "valid array"),
        (
            {"graph": json.dumps([ENTRY | {"units": 0}])},
            "0.units: Input should be greater than or equal to 1",
        ),
        ({"graph": json.dumps([ENTRY | {"silent": None}])}, "the activation 'relu' has no numbers"),
        (
            {"graph": json.dumps([{"function": "tanh", "after": None}])},
            "the activation 'tanh' has no numbers",
        ),
        ({"graph": json.dumps([{"straight": ["a"]}])}, "0.straight"),
        ({"graph": json.dumps([ENTRY | {"after": 3}])}, "0.after"),
    ],
)
def test_what_no_rule_can_compute_with_is_named(
    rows: list[dict[str, Any]], change: dict[str, Any], words: str
) -> None:
    labelled = next(row for row in rows if row["labels"])
    with pytest.raises(
        RunFormatError, match=rf"here/passes is damaged: .*{words}.*; remove the folder"
    ) as caught:
        check_passes([labelled | change], "here/passes")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_was_not_looked_at_may_be_missing(rows: list[dict[str, Any]]) -> None:
    bare = dict.fromkeys(rows[0]) | {key: rows[0][key] for key in ("step", "training", "differentiable")}
    counts = {"backward": True, "modal": 0, "modal_training": 0, "examples": 0, "output_shape": []}
    assert check_passes([bare | counts], "passes")


def test_a_broken_gradient_in_the_graph_is_no_damage(rows: list[dict[str, Any]]) -> None:
    broken = json.dumps([ENTRY | {"pull": float("nan")}, {"function": None, "pull": float("inf")}])
    assert check_passes([rows[0] | {"graph": broken}], "passes")


def test_of_very_many_passes_an_even_choice_is_looked_at(
    rows: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weightdesk.checkup.record._PASSES", 5)
    model = nn.Linear(1, 1)
    with weightdesk.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path, check=False):
        pass
    (tmp_path / "passes").mkdir(exist_ok=True)
    many = pa.Table.from_pylist([rows[0] | {"step": step} for step in range(41)], schema=PASSES_SCHEMA)
    pq.write_table(many, tmp_path / "passes" / "part-00000001-00000001.parquet")
    passes = Record(open_run(tmp_path)).passes
    assert [row["step"] for row in (*passes.training, *passes.evaluating)] == [0, 10, 20, 30, 40]


def test_a_check_goes_on_without_damaged_passes(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path, check=False) as recording:
        for _ in range(5):
            recording.log(loss=0.5)
            model(torch.randn(4, 2)).sum().backward()
            optimizer.step()
    (part,) = (tmp_path / "passes").glob("*.parquet")
    damaged = pa.Table.from_pylist([rows[0] | {"step": 0, "graph": "nothing"}], schema=PASSES_SCHEMA)
    pq.write_table(damaged, part)
    undecided = weightdesk.check(tmp_path).undecided
    assert "passes is damaged" in undecided["dead_units"]
    others = ("divergence", "loss_spike", "parameter_never_moves")
    assert not any("damaged" in undecided.get(rule, "") for rule in others)
