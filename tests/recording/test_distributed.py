"""Several processes train one model: what they record together is what one process would.

`parallel_cases.py` holds the trainings and runs many of them in one process group; here their recordings are
compared with the weights that torch gathered, and with the recording of the same training in one process.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from parallel_cases import CASES, LARGE_CASES, STEPS, Case, Net, batches
from torch import Tensor, nn

from weightdesk import Run, open_run, watch

PROGRAM = Path(__file__).with_name("parallel_cases.py")
LIMIT = 240.0
"""Seconds for all cases of a process group; what hangs is ended then."""

_ALWAYS = "no gradients before clipping: several processes add theirs up after backward"


def run_group(folder: Path, count: int) -> None:
    """Run the cases in a group of processes, on the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    about = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    environment = {**os.environ, **about, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(folder)]
    processes = []
    for rank in range(count):
        with (folder / f"output-{rank}.txt").open("w") as output:
            own = environment | {"RANK": str(rank)}
            processes.append(subprocess.Popen(command, env=own, stdout=output, stderr=subprocess.STDOUT))
    deadline = time.monotonic() + LIMIT
    try:
        codes = [process.wait(max(1.0, deadline - time.monotonic())) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    outputs = [(folder / f"output-{rank}.txt").read_text()[-2000:] for rank in range(count)]
    assert codes == [0] * count, outputs


def made_once(tmp_path_factory: pytest.TempPathFactory, count: int) -> Path:
    """The folder with all cases, run by the first process of pytest-xdist that needs it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"parallel-{count}"
    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + LIMIT
        while not (folder / "done").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    else:
        try:
            run_group(folder, count)
        finally:
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, 2)


@pytest.fixture(scope="session")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, 4)


def reports(folder: Path, count: int = 2) -> list[dict[str, Any]]:
    return [json.loads((folder / f"report-{rank}.json").read_text()) for rank in range(count)]


def train_alone(case: Case, folder: Path) -> Run:
    """The same training in this process."""
    model: nn.Module = case.network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    with watch(
        model, optimizer, folder, cost=None, every=1, kinds=("weight", "gradient", "update")
    ) as recording:
        for inputs in batches(case.inputs):
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            recording.log(loss=loss)
            optimizer.step()
    return open_run(folder)


def rows(run: Run) -> dict[tuple[int, str, str], dict[str, Any]]:
    return {(row["step"], row["parameter"], row["kind"]): row for row in run.statistics.to_pylist()}


def check_weights(run: Run, truth: list[dict[str, Tensor]]) -> None:
    """Snapshots, updates, sampled weights and counts are those of the gathered weights, bit for bit."""
    assert run.steps == tuple(range(STEPS + 1))
    for step, weights in enumerate(truth):
        assert all(torch.equal(run.weights(name, step), weight) for name, weight in weights.items()), step
    for step in range(STEPS):
        for name in truth[0]:
            assert torch.equal(run.update(name, step), truth[step + 1][name] - truth[step][name]), (
                name,
                step,
            )
    for row in run.sampled.to_pylist():
        assert row["weight"] == truth[row["step"]][row["parameter"]].flatten()[row["index"]].item()
    for (step, name, kind), row in rows(run).items():
        weight = truth[step][name]
        assert row["count"] == weight.numel(), (step, name, kind)
        if kind == "weight":
            assert (row["min"], row["max"]) == (weight.min().item(), weight.max().item())
            assert row["zeros"] == int((weight == 0).sum())
            assert sum(row["histogram_count"]) == int((weight != 0).sum())


def check_against_one_process(run: Run, one: Run, case: Case) -> None:
    """Equal but for the order in which the processes' gradients are added up."""
    assert [(p.name, p.shape) for p in run.parameters.values()] == [
        (p.name, p.shape) for p in one.parameters.values()
    ]
    for name in one.parameters:
        for step in range(STEPS):
            state = one.state(name, step)
            assert run.state(name, step).keys() == state.keys()
            for key, value in state.items():
                torch.testing.assert_close(run.state(name, step)[key], value, rtol=1e-4, atol=1e-6)
            if name not in case.partial:
                torch.testing.assert_close(
                    run.gradient(name, step), one.gradient(name, step), rtol=1e-4, atol=1e-6
                )
            assert run.options(name, step) == one.options(name, step)
    expected = {
        k: row for k, row in rows(one).items() if (k[1], k[2]) not in [(p, "gradient") for p in case.partial]
    }
    found = rows(run)
    assert found.keys() == expected.keys()
    numbers = ["mean", "std", "rms", "abs_mean", "abs_max", "update_ratio"]
    for key, row in expected.items():
        assert found[key]["sign_flips"] == row["sign_flips"], key
        if key[0] == 0 and key[2] == "weight":
            assert found[key]["histogram_bin"] == row["histogram_bin"], key
            assert found[key]["histogram_count"] == row["histogram_count"], key
        for number in numbers:
            assert about(found[key][number], row[number]), (key, number)
    keys = ["step", "parameter", "index"]
    assert run.sampled.select(keys).to_pylist() == one.sampled.select(keys).to_pylist()
    for row, wanted in zip(run.sampled.to_pylist(), one.sampled.to_pylist(), strict=True):
        wanted_gradient = None if row["parameter"] in case.partial else wanted["gradient"]
        assert about(row["gradient"], wanted_gradient), row


def about(one: float | None, other: float | None) -> bool:
    """Equal up to the order of a sum of float32."""
    return one == other if one is None or other is None else one == pytest.approx(other, rel=1e-4, abs=1e-6)


def check_case(case: Case, folder: Path, count: int, alone: Path) -> None:
    told = reports(folder, count)
    assert [report["error"] for report in told] == [""] * count
    assert [report["step"] for report in told] == [STEPS] * count
    assert [report["status"] for report in told] == ["finished"] * count
    warned = [text for report in told for text in report["warnings"]]
    assert len(warned) == (1 if case.partial else 0), warned
    weights = torch.load(folder / "truth.pt")
    for before, after in zip(weights["alone"], weights["truth"], strict=True):
        assert all(torch.equal(before[name], after[name]) for name in before)  # the training is untouched
    run = open_run(folder / "run")
    check_weights(run, weights["truth"])
    check_against_one_process(run, train_alone(case, alone), case)
    assert run.status == "finished"
    assert run.metrics.num_rows == STEPS
    assert run.manifest.recording["processes"] == count
    notes = run.manifest.recording["notes"]
    assert len(notes) == len(case.notes) + 1
    assert all(any(note.startswith(wanted) for note in notes) for wanted in (*case.notes, _ALWAYS))
    assert "not recorded across several processes" in run.explain_update("up.weight", (0, 0), 0).notes[0]
    assert not [*(folder / "run").glob("pieces/*")]
    assert "calls" in torch_state(run)


def torch_state(run: Run) -> dict[str, Tensor]:
    """The last snapshot, as any tool reads it."""
    from safetensors.torch import load_file

    return load_file(Path(run.path) / f"snapshots/{STEPS:08d}.safetensors")


@pytest.mark.parametrize("name", CASES)
def test_two_processes_record_what_one_would(name: str, two: Path, tmp_path: Path) -> None:
    check_case(CASES[name], two / name, 2, tmp_path / "one")


@pytest.mark.heavy
@pytest.mark.parametrize("name", LARGE_CASES)
def test_four_processes_record_what_one_would(name: str, four: Path, tmp_path: Path) -> None:
    check_case(LARGE_CASES[name], four / name, 4, tmp_path / "one")


@pytest.mark.heavy
def test_parts_that_look_like_replicas_are_named_as_left_out(four: Path) -> None:
    warned = [report["warnings"] for report in reports(four / "ddp over tensor parallel", 4)]
    assert [len(texts) for texts in warned] == [0, 1, 0, 1]  # process 2 is known to be a replica of process 0
    assert all("not the values" in warned[rank][0] for rank in (1, 3))
    notes = open_run(four / "ddp over tensor parallel" / "run").manifest.recording["notes"]
    assert [note[:27] for note in notes[2:]] == ["process 1 is not recorded: ", "process 3 is not recorded: "]


def test_a_late_process_leaves_no_false_zeros(two: Path) -> None:
    folder = two / "late process"
    assert [report["error"] for report in reports(folder)] == ["", ""]
    run = open_run(folder / "run")
    assert (run.steps, run.gradient_steps) == ((0, 1, 2), (0, 1))
    alone = Net()
    alone(torch.ones(4, 5)).square().mean().backward()
    for name, parameter in alone.named_parameters():
        torch.testing.assert_close(run.gradient(name, 0), parameter.grad)


def test_only_process_0_watches(two: Path) -> None:
    folder = two / "only process 0"
    first, second = reports(folder)
    assert (first["status"], first["step"], first["error"], second["error"]) == ("finished", 40, "", "")
    assert first["seconds"] < 20
    assert "process 1 recorded nothing" in first["warnings"][0]
    assert "call watch in every process" in first["warnings"][0]
    run = open_run(folder / "run")
    assert run.status == "finished"
    assert run.steps == ()  # no half of a weight
    known = {row["parameter"] for row in run.statistics.to_pylist() if row["kind"] != "activation"}
    assert known == {"down.weight", "down.bias"}  # they have one row, which lies in process 0
    assert [note for note in run.manifest.recording["notes"] if "process 1 recorded nothing" in note]
    assert not [*(folder / "run").glob("pieces/*")]


def test_only_another_process_watches(two: Path) -> None:
    folder = two / "only process 1"
    first, second = reports(folder)
    assert (first["error"], second["error"]) == ("", "")
    assert second["seconds"] < 20
    assert second["warnings"] == [
        f"weightdesk does not record process 1: process 0 did not call watch with {folder / 'run'} within "
        "1 s; call watch in every process, with the same directory"
    ]
    assert not (folder / "run").exists()


def test_a_process_that_never_closes(two: Path) -> None:
    folder = two / "process that goes"
    first = reports(folder)[0]
    assert first["seconds"] < 15  # the patience is a second there
    run = open_run(folder / "run")
    assert run.status == "finished"
    assert run.steps == (0, 1, 2)
    assert any(
        "no snapshot of step 3" in note and "process 1" in note for note in run.manifest.recording["notes"]
    )


def test_every_process_hears_of_a_run_that_is_there(two: Path) -> None:
    folder = two / "place with a run"
    for report in reports(folder):
        assert report["error"].startswith("RunExistsError")
        assert "already holds a run" in report["error"]
        assert (report["status"], report["step"]) == ("finished", 1)
    assert open_run(folder / "run").steps == (0, 1)


def test_every_process_hears_of_a_place_that_cannot_be(two: Path) -> None:
    for report in reports(two / "place that cannot be"):
        assert "file/run" in report["error"]
        assert report["seconds"] < 10  # less than the patience, which is half a minute
    assert reports(two / "place that cannot be")[1]["error"].startswith("WatchError: process 0 cannot record")


def test_hidden_parameters_are_refused_everywhere(two: Path) -> None:
    for report in reports(two / "hidden parameters"):
        assert report["error"].startswith("WatchError")
        assert "use_orig_params=True" in report["error"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("stages", "other parameters (up.weight)"), ("others", "not the values"), ("replicas", "")],
)
def test_another_model_is_named_as_left_out(name: str, said: str, two: Path) -> None:
    first, second = reports(two / name)
    assert (first["warnings"], first["error"], second["error"]) == ([], "", "")
    notes = open_run(two / name / "run").manifest.recording["notes"]
    assert len(second["warnings"]) == bool(said)
    if said:
        assert said in second["warnings"][0]
        assert "process 1" in second["warnings"][0]
    assert [note for note in notes if "process 1 is not recorded" in note and said in note] == notes[2:]
    assert "process 0 of 2 is recorded" in notes[0]


def test_a_partial_parameter_is_left_out_by_name(two: Path) -> None:
    for report in reports(two / "partial parameter"):
        assert (report["error"], report["status"]) == ("", "finished")
        (said,) = report["warnings"]
        assert said.startswith("weightdesk: parameter scale is not recorded: placed as (Partial(sum),)")
    run = open_run(two / "partial parameter" / "run")
    assert list(run.parameters) == ["up.weight", "up.bias", "down.weight", "down.bias"]
    assert any("parameter scale is not recorded" in note for note in run.manifest.recording["notes"])
    assert run.steps == (0, 1)
    assert set(run.statistics["count"].to_pylist()) == {48, 8, 32, 4}
