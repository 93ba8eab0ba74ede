from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import weightdesk as wd
from weightdesk.runs import Run
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import open_store
from weightdesk.server.questions.events import Event, EventsQuestion
from weightdesk.server.session import Session


def events(run: Run | str | Path) -> list[tuple[int, str, str]]:
    """Step, kind and message of all events."""
    answer = EventsQuestion().answer(Session(run if isinstance(run, Run) else wd.open_run(run)))
    return [(each.step, each.kind, each.message) for each in answer.events]


def of_kind(run: Run | str | Path, kind: str) -> list[tuple[int, str]]:
    return [(step, message) for step, known, message in events(run) if known == kind]


def recorded(path: Path, **metrics: list[float | None]) -> Path:
    """A run of one neuron with these metrics, a value for each step; None where nothing was logged."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, path, every=1) as recording:
        for logged in zip(*metrics.values(), strict=True):
            model(torch.ones(1, 1)).sum().backward()
            recording.log(
                **{name: value for name, value in zip(metrics, logged, strict=True) if value is not None}
            )
            optimizer.step()
    return path


def test_the_best_held_out_scores_are_those_that_were_logged(digits_run: Run) -> None:
    table = digits_run.metrics.select(["step", "val_loss", "val_accuracy"]).drop_null().to_pylist()
    lowest = min(table, key=lambda row: row["val_loss"])
    highest = max(table, key=lambda row: row["val_accuracy"])
    told = f"lowest val_loss, {lowest['val_loss']:.4g}"
    assert of_kind(digits_run, "best_loss") == [(lowest["step"], told)]
    told = f"highest val_accuracy, {highest['val_accuracy']:.4g}"
    assert of_kind(digits_run, "best_accuracy") == [(highest["step"], told)]


def test_a_completed_run_says_so_at_its_last_step(digits_run: Run) -> None:
    assert events(digits_run)[-1] == (6, "end", "completed at step 6")


def test_what_is_no_number_or_was_seen_once_is_never_the_best(tmp_path: Path) -> None:
    one = recorded(tmp_path / "one", val_loss=[float("nan"), 3.0, None, 2.5, float("inf")])
    assert of_kind(one, "best_loss") == [(3, "lowest val_loss, 2.5")]
    once = recorded(tmp_path / "once", val_loss=[None, 3.0, None])
    assert of_kind(once, "best_loss") == []


def test_test_data_count_where_there_are_no_validation_data(tmp_path: Path) -> None:
    path = recorded(tmp_path / "run", test_accuracy=[0.5, 0.75, 0.75, 0.25])
    assert of_kind(path, "best_accuracy") == [(1, "highest test_accuracy, 0.75")]


def test_the_first_loss_that_is_no_number_is_marked(tmp_path: Path) -> None:
    nan, infinite = float("nan"), float("inf")
    path = recorded(tmp_path / "run", loss=[1.0, nan, nan], val_loss=[1.0, 2.0, infinite], other=[nan] * 3)
    assert of_kind(path, "nonfinite") == [(1, "loss is NaN"), (2, "val_loss is infinite")]


@pytest.mark.parametrize(
    ("rates", "steps"),
    [
        ([0.1] * 4 + [0.01] * 4, [(4, "learning rate 0.1 → 0.01")]),
        (
            [0.1, 0.1, 0.05, 0.05, 0.2, 0.2],
            [(2, "learning rate 0.1 → 0.05"), (4, "learning rate 0.05 → 0.2")],
        ),
        ([0.1, 0.1, 0.1], []),
        ([0.1 / (1 + step) for step in range(8)], []),
        ([0.1, 0.1, 0.1, 0.05], []),  # it may go on changing
        ([1 / (1 + step // 2) for step in range(40)], []),  # smooth, but told once in two steps
        ([0.01, 0.02, 0.03, 0.03, 0.03, 0.003, 0.003], [(5, "learning rate 0.03 → 0.003")]),
    ],
)
def test_a_step_of_a_schedule_is_marked_and_a_smooth_one_is_not(
    tmp_path: Path, rates: list[float | None], steps: list[tuple[int, str]]
) -> None:
    assert of_kind(recorded(tmp_path / "run", lr=rates), "learning_rate") == steps


def test_the_first_parameter_that_is_no_number_is_named(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, tmp_path / "run", cost=None) as recording:
        for step in range(6):
            if step == 3:
                model[2].weight.data[0, 1] = torch.nan
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).sum()
            loss.backward()
            recording.log(loss=loss)
            optimizer.step()
    told = dict(reversed([(message, step) for step, message in of_kind(tmp_path / "run", "nonfinite")]))
    assert told["NaN or infinity first measured among the weights of 2.weight"] == 3
    assert told["loss is NaN"] == 3
    rows = wd.open_run(tmp_path / "run").statistics.to_pylist()
    wrong = {
        row["parameter"] for row in rows if (row["step"], row["kind"]) == (3, "gradient") and row["nonfinite"]
    }
    assert wrong == {"0.weight", "0.bias"}
    assert told["NaN or infinity first measured among the gradients of 0.weight and 1 other"] == 3


def break_off(path: Path, error: BaseException) -> None:
    """A training that ends so before its third step."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, path):
        for step in range(4):
            if step == 2:
                raise error
            model(torch.ones(1, 1)).sum().backward()
            optimizer.step()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("no data left"), "died at step 2: RuntimeError: no data left"),
        (KeyboardInterrupt(), "interrupted by Ctrl-C at step 2"),
    ],
)
def test_a_run_that_broke_off_says_how(tmp_path: Path, error: BaseException, told: str) -> None:
    with pytest.raises(type(error)):
        break_off(tmp_path / "run", error)
    assert events(tmp_path / "run")[-1] == (2, "broken", told)


def manifest_only(path: Path, **about: object) -> Path:
    store = open_store(path)
    parameters = [{"name": "w", "shape": [1], "dtype": "float32"}]
    model = {"parameters": parameters}
    write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model=model, **about))  # type: ignore[arg-type]
    return path


def test_where_it_was_continued_from_and_notes_of_the_recorder_are_at_the_start(tmp_path: Path) -> None:
    parent = {"run": "runs/digits", "step": 128, "mix": None, "file": None, "examples": None}
    notes = ["no statistics of x: not of a floating-point type that is measured"]
    path = manifest_only(
        tmp_path / "run", parent=parent, recording={"notes": notes}, status="finished", last_step=0
    )
    assert events(path) == [
        (0, "start", "continued from runs/digits at step 128"),
        (0, "note", notes[0]),
        (0, "end", "completed at step 0"),
    ]


def test_of_a_killed_run_the_end_is_where_its_records_end(tmp_path: Path) -> None:
    import pyarrow as pa

    path = manifest_only(tmp_path / "run")
    PartWriter(open_store(path), "metrics").append(
        pa.table({"step": [0, 7], "time": [0.0, 1.0], "loss": [1.0, 2.0]})
    )
    assert events(path) == [(7, "broken", "killed: the process that recorded it is gone at step 7")]


def test_a_running_one_has_no_end(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
        assert events(tmp_path / "run") == []


def test_events_are_in_the_order_of_steps(tmp_path: Path) -> None:
    path = recorded(tmp_path / "run", val_loss=[3.0, 1.0, 2.0, 2.0], lr=[0.1, 0.1, 0.2, 0.2])
    found = EventsQuestion().answer(Session(wd.open_run(path))).events
    assert [each.step for each in found] == [1, 2, 4]
    assert all(isinstance(each, Event) for each in found)
