from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_run import MODEL, SAMPLED_PLACE, sampled_rows, statistics_rows, weights_at
from torch import nn

from weightdesk.errors import (
    IndexRangeError,
    OptionError,
    RunFormatError,
    RunNotFoundError,
    StepNotKeptError,
    UnknownParameterError,
)
from weightdesk.runs import Run, Store, door, open_run, open_store, snapshotfolder
from weightdesk.runs.format import SNAPSHOTS, extra_name, snapshot_name
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.snapshots import write_extra, write_snapshot


@pytest.fixture(params=["local", "memory"])
def run(request: pytest.FixtureRequest, record: Callable[..., Store], tmp_path: Path) -> Run:
    location = tmp_path / "run" if request.param == "local" else f"memory://{tmp_path}"
    return open_run(record(location).location)


def test_tells_what_was_recorded(run: Run) -> None:
    assert list(run.parameters) == ["fc.weight", "fc.bias"]
    assert run.parameters["fc.weight"].shape == (3, 4)
    assert run.steps == (0, 4, 8, 10)
    assert run.last_step == 10
    assert run.status == "finished"
    assert run.recipe is None
    assert run.manifest.model == MODEL
    assert repr(run) == f"Run({run.path!r}, finished, 4 snapshots)"


def test_reads_weights_at_kept_steps(run: Run) -> None:
    for step in run.steps:
        assert torch.equal(run.weights("fc.weight", step), weights_at(step)["fc.weight"])
    assert torch.equal(run.weights("fc.bias", -1), weights_at(10)["fc.bias"])
    assert torch.equal(run.weights("tied.weight", 4), weights_at(4)["fc.weight"])


def test_reads_what_lies_beside_the_weights(run: Run) -> None:
    assert run.gradient("fc.weight", 4).unique().tolist() == [4]
    assert run.update("tied.weight", 4).unique().tolist() == [-4]
    assert run.gradient("fc.weight", -1).unique().tolist() == [4]
    assert {key: each.unique().tolist() for key, each in run.state("fc.weight", -1).items()} == {
        "momentum_buffer": [8]
    }
    assert run.state("fc.bias", 4) == {}
    assert run.options("fc.weight", 0) == {"lr": 0.5}
    assert run.options("tied.weight", 4) == {"lr": 0.25}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda run: run.weights("fc.weight", 5), "no snapshot at step 5; nearest kept: 4 and 8"),
        (lambda run: run.gradient("fc.weight", 8), "no gradient beside the weights of fc.weight at step 8"),
        (
            lambda run: run.gradient("fc.weight", 3),
            "no gradient of fc.weight at step 3; nearest kept: 0 and 4",
        ),
        (
            lambda run: run.gradient("fc.bias", 4),
            "no gradient beside .* fc.bias at step 4; the run keeps none",
        ),
        (lambda run: run.update("fc.weight", -3), "2 are kept, so -2 is the first"),
        (lambda run: run.state("fc.weight", 8), "no optimizer state at step 8; nearest kept: 4"),
        (lambda run: run.options("fc.weight", 8), "no optimizer options at step 8"),
    ],
)
def test_a_step_that_is_not_kept_names_the_nearest(
    run: Run, ask: Callable[[Run], object], words: str
) -> None:
    with pytest.raises(StepNotKeptError, match=words):
        ask(run)


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: run.weights("fc.wieght", 0),
        lambda run: run.gradient("fc.wieght", 0),
        lambda run: run.state("fc.wieght", 0),
        lambda run: run.history("fc.wieght", (0, 0)),
        lambda run: run.series("fc.wieght", "weight"),
    ],
)
def test_an_unknown_parameter_is_answered_with_the_closest(run: Run, ask: Callable[[Run], object]) -> None:
    with pytest.raises(UnknownParameterError, match=r"did you mean fc.weight\?"):
        ask(run)


def test_a_parameter_without_optimizer_has_no_options(run: Run) -> None:
    with pytest.raises(UnknownParameterError, match=r"no optimizer of this run moves fc.bias"):
        run.options("fc.bias", 0)


def test_an_index_outside_is_refused(run: Run) -> None:
    with pytest.raises(IndexRangeError, match=r"index \(3, 0\) lies outside fc.weight of shape \(3, 4\)"):
        run.history("fc.weight", (3, 0))


def test_history_of_any_weight_is_that_of_the_snapshots(run: Run) -> None:
    history = run.history("fc.weight", (2, -1))
    assert history.steps.tolist() == [0, 4, 8, 10]
    assert not history.sampled
    assert history.index == (2, 3)
    assert torch.equal(history.values, torch.stack([weights_at(s)["fc.weight"][2, 3] for s in (0, 4, 8, 10)]))
    assert run.history("fc.bias", 1).values.tolist() == [0, 4, 8, 10]


def test_history_of_a_sampled_weight_has_every_step(run: Run) -> None:
    history = run.history("tied.weight", (1, 2))
    assert history.steps.tolist() == list(range(11))
    assert history.sampled
    assert torch.equal(history.values, torch.stack([weights_at(s)["fc.weight"][1, 2] for s in range(11)]))


def test_gradient_history_leaves_out_steps_without_gradient(run: Run) -> None:
    history = run.gradient_history("fc.weight", (1, 2))
    assert history.steps.tolist() == list(range(10))
    assert history.values.tolist()[4:6] == [4, 5 / 16]
    assert history.values.dtype == torch.float32
    assert run.gradient_history("fc.weight", (0, 0)).steps.tolist() == [0, 4]
    assert run.gradient_history("fc.bias", 0).steps.tolist() == []


def test_tables_are_in_the_order_of_steps(run: Run) -> None:
    assert run.metrics.column("step").to_pylist() == [0, 5, 9]
    assert run.metrics.column_names == ["step", "time", "loss", "accuracy"]
    keys = [(row["step"], row["parameter"], row["kind"]) for row in run.statistics.to_pylist()]
    assert keys == sorted(keys)
    assert run.sampled.equals(sampled_rows(range(10)))
    assert run.sampled.column("index").unique().to_pylist() == [SAMPLED_PLACE]


def test_series_follow_aliases_and_modules(run: Run) -> None:
    assert run.series("tied.weight", "update").values.tolist() == [step + 0.5 for step in range(10)]
    assert run.series("fc", "activation").steps.tolist() == []
    with pytest.raises(
        UnknownParameterError, match=r"no module 'fx' in this run; (choose from fc|did you mean fc)"
    ):
        run.series("fx", "activation")


def test_statistics_of_several_ranks_are_merged(record: Callable[..., Store]) -> None:
    store = record(model=MODEL)
    for name in store.names("statistics"):
        store.delete(name)
    for rank in range(3):
        PartWriter(store, "statistics", rank=rank).append(statistics_rows(range(5 + rank), ranks=3))
    table = open_run(store.location).statistics
    assert table.num_rows == 5 * 6
    assert table.column("step").to_pylist() == sorted(table.column("step").to_pylist())


class Net(nn.Module):
    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.fc, self.tied = nn.Linear(4, 3), nn.Linear(4, 3, bias=False)
        if tied:
            self.tied.weight = self.fc.weight


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("asked", "step"), [(None, 10), (4, 4), (-2, 8)])
def test_loads_a_snapshot_into_a_model(run: Run, tied: bool, asked: int | None, step: int) -> None:
    model = Net(tied)
    run.load_into(model, asked)
    assert torch.equal(model.fc.weight, weights_at(step)["fc.weight"])
    assert torch.equal(model.tied.weight, weights_at(step)["fc.weight"])
    assert torch.equal(model.fc.bias, weights_at(step)["fc.bias"])


def test_refuses_a_model_that_does_not_fit(run: Run) -> None:
    with pytest.raises(OptionError, match=r"does not fit .*00000010.safetensors"):
        run.load_into(nn.Linear(4, 3))


@pytest.mark.parametrize("place", ["nowhere", "run/run.json", "."])
def test_says_where_it_looked(record: Callable[..., Store], tmp_path: Path, place: str) -> None:
    record()
    with pytest.raises(RunNotFoundError, match=r"no run.json in .*; `weightdesk runs DIR` lists runs"):
        open_run(tmp_path / place)


def test_a_living_writer_is_running_and_a_dead_one_was_killed(record: Callable[..., Store]) -> None:
    store = record(status="running")
    run = open_run(store.location)
    assert run.status == "killed"
    release = store.hold()
    assert run.status == "running"
    release()
    assert run.status == "killed"


def test_a_run_closed_between_two_looks_was_not_killed(
    record: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = record(status="running")
    run = open_run(store.location)

    def close_meanwhile() -> bool:
        write_manifest(store, Manifest(created="now", status="interrupted"))
        return False

    monkeypatch.setattr(run._store, "is_held", close_meanwhile)
    assert run.status == "interrupted"


def test_an_unfinished_run_grows_under_its_reader(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    write_manifest(store, Manifest(created="now", model=MODEL))
    run = open_run(store.location)
    assert (run.steps, run.last_step, run.metrics.num_rows) == ((), None, 0)
    with pytest.raises(StepNotKeptError, match="keeps none at any step"):
        run.weights("fc.bias", -1)
    write_snapshot(store, 3, weights_at(3))
    PartWriter(store, "sampled").append(sampled_rows(range(8)))
    assert (run.steps, run.last_step) == ((3,), 7)
    with pytest.raises(StepNotKeptError, match="no gradient beside the weights"):
        run.gradient("fc.bias", 3)


def test_thinning_under_a_reader_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    files = run._store.names("snapshots")
    run._store.delete(snapshot_name(4))
    run._store.delete(extra_name(4))
    monkeypatch.setattr(run._store, "names", lambda folder: files)
    with pytest.raises(StepNotKeptError, match=r"00000004.safetensors was thinned out meanwhile"):
        run.weights("fc.weight", 4)
    assert run.gradient("fc.weight", -1).unique().tolist() == [0]
    assert run.history("fc.weight", (0, 0)).steps.tolist() == [0, 8, 10]


def test_damage_is_named_and_leaves_the_rest_readable(record: Callable[..., Store]) -> None:
    store = record()
    for name in (snapshot_name(4), store.names("statistics")[0]):
        store.write(name, lambda path: path.write_bytes(b"scratched"))
    run = open_run(store.location)
    with pytest.raises(RunFormatError, match=r"00000004\.safetensors is damaged"):
        run.weights("fc.weight", 4)
    with pytest.raises(RunFormatError, match=r"statistics/part-.* is damaged"):
        _ = run.statistics
    assert run.weights("fc.weight", 8).shape == (3, 4)
    assert run.metrics.num_rows == 3


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_histories_keep_the_parameters_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    store = open_store(tmp_path / "run")
    table = [{"name": "w", "shape": [4], "dtype": str(dtype).removeprefix("torch.")}]
    recording = {"sampled": {"w": [2]}}
    write_manifest(store, Manifest(created="now", model={"parameters": table}, recording=recording))
    values = torch.tensor([0.1, 0.2, 0.3, 1e-3]).to(dtype)
    for step in (0, 2):
        write_snapshot(store, step, {"w": values * (step + 1)})
    writer = PartWriter(store, "sampled")
    schema = sampled_rows(range(0)).schema
    rows = [
        {"step": s, "parameter": "w", "index": 2, "weight": (values * (s + 1))[2].item()} for s in range(2)
    ]
    writer.append(sampled_rows(range(0)).from_pylist(rows, schema=schema))
    history = open_run(store.location).history("w", 2)
    assert history.values.dtype == dtype
    assert torch.equal(history.values, torch.stack([(values * (s + 1))[2] for s in range(3)]))


WRITER = """
import sys, torch
from weightdesk.runs import Manifest, open_store
from weightdesk.runs.manifest import write_manifest
from weightdesk.runs.snapshots import write_extra, write_snapshot

store = open_store(sys.argv[1])
store.hold()
table = [{"name": "w", "shape": [1000], "dtype": "float32"}]
write_manifest(store, Manifest(created="now", model={"parameters": table}))
print("ready", flush=True)
for step in range(150):
    write_snapshot(store, step, {"w": torch.full((1000,), float(step))})
    write_extra(store, step, {"w@gradient": torch.full((1000,), step / 2)})
    if step % 2 and step > 2:
        store.delete(f"snapshots/{step - 2:08d}.safetensors")
        store.delete(f"snapshots/{step - 2:08d}.extra.safetensors")
sys.stdin.read()
"""


def test_reads_while_another_process_writes_and_thins(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "run")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as writer:  # type: ignore[call-overload]
        writer.stdout.readline()
        run = open_run(tmp_path / "run")
        while (run.steps or (0,))[-1] < 149:
            assert run.status == "running"
            history, gradients = run.history("w", 999), run.gradient_history("w", 0)
            assert history.values.tolist() == history.steps.tolist()
            assert gradients.values.tolist() == [step / 2 for step in gradients.steps.tolist()]
        writer.kill()
    assert run.status == "killed"
    assert run.weights("w", -1).unique().tolist() == [149]


def test_a_run_written_in_two_halves_of_a_pair_opens(record: Callable[..., Store]) -> None:
    store = record()
    write_extra(store, 12, {"fc.weight@gradient": torch.ones(3, 4)})
    run = open_run(store.location)
    assert run.steps[-1] == 10
    assert run.gradient("fc.weight", 12).unique().tolist() == [1]


def test_reading_every_step_lists_the_snapshots_a_few_times_at_most(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a check of a run of thousands of snapshots takes minutes."""
    lists = []

    def list_names(store: Store, folder: str) -> list[str]:
        lists.append(folder)
        return door.list_names(store, folder)

    monkeypatch.setattr(snapshotfolder, "list_names", list_names)
    steps = run.gradient_steps_of("fc.weight")
    for step in steps:
        run.weights("fc.weight", step)
        run.gradient("fc.weight", step)
        run.update("fc.weight", step)
        run.state("fc.weight", step)
        run.options("fc.weight", step)
    assert len(steps) > 1
    assert lists.count(SNAPSHOTS) == 1
