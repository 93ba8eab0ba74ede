"""`watch` from the outside: what it records of all sorts of models, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from trainings import run_steps, small_batch

from weightdesk import open_run, watch
from weightdesk.errors import OptionError, RunExistsError, WatchError
from weightdesk.recording import keeper
from weightdesk.runs.snapshots import write_snapshot
from weightdesk.runs.stores import Store
from weightdesk.statistics import describe


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=0.01)


def test_statistics_are_those_of_the_tensors(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, (optimizer := adam(network)), tmp_path / "run", cost=None, every=1):
        run_steps(network, optimizer, 3)
    run = open_run(tmp_path / "run")
    rows = {(r["step"], r["parameter"], r["kind"]): r for r in run.statistics.to_pylist()}
    for step in range(3):
        for name in run.parameters:
            before, after = run.weights(name, step), run.weights(name, step + 1)
            tensors = {"weight": before, "gradient": run.gradient(name, step), "update": after - before}
            for kind, tensor in tensors.items():
                row, expected = rows[step, name, kind], describe(tensor)
                for column in ("count", "nonfinite", "zeros", "min", "max", "abs_max"):
                    assert row[column] == getattr(expected, column), (kind, column)
                for column in ("mean", "std", "rms", "abs_mean"):
                    assert row[column] == pytest.approx(getattr(expected, column), rel=1e-9), (kind, column)
                bins = dict(zip(row["histogram_bin"], row["histogram_count"], strict=True))
                assert bins == expected.histogram
            update = rows[step, name, "update"]
            ratio = describe(after - before).rms / describe(before).rms if before.any() else np.inf
            assert update["update_ratio"] == pytest.approx(ratio)
            assert update["sign_flips"] == ((before * after) < 0).sum().item()
            assert rows[step, name, "weight"]["sign_flips"] is None


class InPlace(nn.Module):
    """Small and large outputs that the next operation changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.first(inputs).mul_(0.0).add_(1.0))


@pytest.mark.parametrize("examples", [3, 2000])
def test_an_output_that_is_changed_in_place_is_measured_before(tmp_path: Path, examples: int) -> None:
    torch.manual_seed(0)
    model, inputs = InPlace(), torch.randn(examples, 4)
    outputs = model.first(inputs).detach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None):
        model(inputs).sum().backward()
        optimizer.step()
    rows = open_run(tmp_path / "run").statistics.to_pylist()
    (row,) = [each for each in rows if (each["kind"], each["parameter"]) == ("activation", "first")]
    assert row["count"] == outputs.numel()
    assert row["mean"] == pytest.approx(outputs.double().mean().item(), rel=1e-6)


def test_weights_that_stay_until_the_first_step_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def write(store: Store, step: int, state: dict[str, Tensor]) -> int:
        written.append(step)
        return write_snapshot(store, step, state)

    monkeypatch.setattr(keeper, "write_snapshot", write)
    model = nn.Linear(300, 300)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None):
        model(torch.ones(1, 300)).sum().backward()
        optimizer.step()
    assert written == [0, 1]
    run = open_run(tmp_path / "run")
    moved = run.weights("weight", 1) - run.weights("weight", 0)
    assert run.gradient_steps == (0,)
    assert torch.equal(run.update("weight", 0), moved)


def test_activations_are_measured_while_training_only(network: nn.Sequential, tmp_path: Path) -> None:
    optimizer = adam(network)
    outputs: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        outputs.setdefault(name, output.detach().clone())

    hooks = [
        each.register_forward_hook(lambda module, _, output, name=name: keep(name, output))
        for name, each in network.named_children()
    ]
    with watch(network, optimizer, tmp_path / "run", cost=None):
        run_steps(network, optimizer, 1)
        with torch.no_grad():
            network(small_batch(99)[0])
    for hook in hooks:
        hook.remove()
    rows = [row for row in open_run(tmp_path / "run").statistics.to_pylist() if row["kind"] == "activation"]
    assert {row["parameter"]: row["mean"] for row in rows} == {
        name: pytest.approx(out.double().mean().item(), rel=1e-9) for name, out in outputs.items()
    }
    by_name = {row["parameter"]: row for row in rows}
    assert by_name["2"]["zeros"] == (outputs["2"] == 0).sum().item() > 0
    assert by_name["5"]["saturated"] == pytest.approx((outputs["5"].abs() >= 0.98).double().mean().item())
    assert by_name["4"]["saturated"] is None


def test_passes_of_one_step_are_one_row(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs = torch.randn(5, 3), 4 * torch.randn(2, 3)
    with watch(model, optimizer, tmp_path / "run", cost=None):
        outputs = [model(each) for each in inputs]
        sum(each.sum() for each in outputs).backward()
        optimizer.step()
    rows = [row for row in open_run(tmp_path / "run").statistics.to_pylist() if row["kind"] == "activation"]
    assert [row["parameter"] for row in rows] == ["0", "1"]
    together = torch.cat(outputs)
    expected = describe(together.detach())
    for column in ("count", "mean", "std", "abs_max"):
        assert rows[1][column] == pytest.approx(getattr(expected, column))
    assert rows[1]["saturated"] == pytest.approx((together.abs() >= 0.98).double().mean().item())


def test_sampled_weights_are_there_at_every_step(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, (optimizer := adam(network)), tmp_path / "run", every=1):
        run_steps(network, optimizer, 20)
    run = open_run(tmp_path / "run")
    table = run.sampled.to_pylist()
    assert {row["step"] for row in table} == set(range(20))
    for row in table:
        name, step = row["parameter"], row["step"]
        index = np.unravel_index(row["index"], run.parameters[name].shape)
        assert row["weight"] == run.weights(name, step)[index].item()
        assert row["gradient"] == run.gradient(name, step)[index].item()


def test_optimizer_state_is_that_before_the_step(network: nn.Module, tmp_path: Path) -> None:
    optimizer = adam(network)
    kept = []
    with watch(network, optimizer, tmp_path / "run", every=1):
        for _ in range(3):
            kept.append({k: v.clone() for k, v in optimizer.state[network[0].weight].items()})
            run_steps(network, optimizer, 1)
    run = open_run(tmp_path / "run")
    assert run.state("0.weight", 0) == {}
    for step in (1, 2):
        found = run.state("0.weight", step)
        assert found.keys() == kept[step].keys()
        assert all(torch.equal(found[key], kept[step][key]) for key in found)


def test_a_step_of_our_own_learning_rates(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[1].parameters()}], lr=0.1
    )
    with watch(model, optimizer, tmp_path / "run", every=1):
        model(torch.ones(3, 2)).sum().backward()
        optimizer.step()
    run = open_run(tmp_path / "run")
    groups = run.manifest.optimizers[0]["groups"]
    assert [(group["parameters"], group["options"]["lr"]) for group in groups] == [
        (["0.weight", "0.bias"], 0.5),
        (["1.weight", "1.bias"], 0.1),
    ]
    assert run.options("0.weight", 0)["lr"] == 0.5
    assert run.options("1.weight", 0)["lr"] == 0.1


class Tied(nn.Module):
    """A tied, a sparse, a frozen and an unused parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 4, sparse=True)
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(self.embedding(tokens))) * self.frozen


def test_tied_sparse_frozen_and_unused_parameters(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Tied()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens = torch.tensor([[1, 2, 3], [3, 2, 7]])
    with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
        for _ in range(2):
            optimizer.zero_grad()
            model(tokens).square().mean().backward()
            dense = model.embedding.weight.grad.to_dense()
            optimizer.step()
    run = open_run(tmp_path / "run")
    assert list(run.parameters) == ["frozen", "unused", "embedding.weight", "first.weight"]
    assert run.parameters["first.weight"].aliases == ("second.weight",)
    assert torch.equal(run.weights("second.weight", 1), run.weights("first.weight", 1))
    assert torch.equal(run.gradient("embedding.weight", 1), dense)
    rows = {(r["parameter"], r["kind"]): r for r in run.statistics.to_pylist() if r["step"] == 1}
    assert ("unused", "gradient") not in rows
    assert ("frozen", "weight") in rows
    sparse, expected = rows["embedding.weight", "gradient"], describe(dense)
    assert (sparse["count"], sparse["zeros"]) == (expected.count, expected.zeros)
    for column in ("mean", "std", "rms", "abs_mean", "min", "max"):
        assert sparse[column] == pytest.approx(getattr(expected, column))
    for row in run.sampled.to_pylist():
        if row["step"] == 1 and row["parameter"] == "embedding.weight":
            assert row["gradient"] == dense.flatten()[row["index"]].item()
        if row["parameter"] == "unused":
            assert row["gradient"] is None
    restored = Tied()
    run.load_into(restored, 2)
    assert torch.equal(restored.second.weight, model.second.weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_every_floating_point_type(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(5, 3).to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(2, 5, dtype=dtype)).sum().backward()
            optimizer.step()
    run = open_run(tmp_path / "run")
    assert run.weights("weight", 2).dtype == dtype
    assert torch.equal(run.update("weight", 1), run.weights("weight", 2) - run.weights("weight", 1))
    place = run.manifest.recording["sampled"]["weight"][3]
    index = tuple(int(i) for i in np.unravel_index(place, (3, 5)))
    assert run.history("weight", index).values.tolist() == [
        run.weights("weight", step)[index].item() for step in range(4)
    ]


def test_a_compiled_model_is_recorded_under_its_own_names(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(compiled.parameters(), lr=0.1)
    with watch(compiled, optimizer, tmp_path / "run", cost=None, every=1):
        for _ in range(3):
            optimizer.zero_grad()
            compiled(torch.ones(2, 4)).sum().backward()
            optimizer.step()
    run = open_run(tmp_path / "run")
    assert list(run.parameters) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert "compiled" in run.manifest.recording["notes"][0]
    assert "activation" not in run.statistics["kind"].to_pylist()
    assert torch.equal(run.weights("0.weight", -1), model[0].weight)


def test_the_disk_budget_is_kept_within_one_snapshot(tmp_path: Path) -> None:
    model = nn.Linear(300, 100)
    optimizer = torch.optim.Adam(model.parameters())
    one = 5 * 4 * 30_100  # weights, gradient, update and two moments
    with watch(model, optimizer, tmp_path / "run", cost=None, disk=12 * one):
        for _ in range(200):
            optimizer.zero_grad()
            model(torch.ones(2, 300)).sum().backward()
            optimizer.step()
    used = sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert used <= 13 * one
    run = open_run(tmp_path / "run")
    assert {0, 200} <= set(run.steps)
    assert len(run.steps) > 4


def test_a_very_small_disk_budget_keeps_the_beginning_and_the_end(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, (optimizer := adam(network)), tmp_path / "run", disk=1000):
        run_steps(network, optimizer, 5)
    assert open_run(tmp_path / "run").steps == (0, 5)


def test_logged_scalars_come_back_by_step(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, (optimizer := adam(network)), tmp_path / "run") as recording:
        recording.log(loss=2.0)
        recording.log(accuracy=torch.tensor(0.5))
        run_steps(network, optimizer, 1)
        recording.log(loss=np.float32(1.5))
    found = open_run(tmp_path / "run").metrics.to_pylist()
    assert [(row["step"], row["loss"], row["accuracy"]) for row in found] == [(0, 2.0, 0.5), (1, 1.5, None)]


def test_what_is_no_number_is_left_out_with_a_warning(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, adam(network), tmp_path / "run") as recording:
        with pytest.warns(RuntimeWarning, match=r"leaves out name='resnet': log takes numbers"):
            recording.log(name="resnet", loss=1.0)
        with pytest.warns(RuntimeWarning, match="leaves out losses"):
            recording.log(losses=torch.ones(3))
    assert open_run(tmp_path / "run").metrics.column_names == ["step", "time", "loss"]


def test_a_run_can_be_read_while_it_is_written(network: nn.Module, tmp_path: Path) -> None:
    optimizer = adam(network)
    with watch(network, optimizer, tmp_path / "run", flush=0.01) as recording:
        run = open_run(tmp_path / "run")
        assert run.status == "running"
        run_steps(network, optimizer, 3, lambda step, loss: recording.log(loss=loss))
        deadline = time.monotonic() + 10
        while not run.metrics.num_rows and time.monotonic() < deadline:
            pass
        assert run.metrics.num_rows
    assert run.status == "finished"


def test_an_existing_run_is_not_overwritten_unless_asked(network: nn.Module, tmp_path: Path) -> None:
    with watch(network, (optimizer := adam(network)), tmp_path / "run"):
        run_steps(network, optimizer, 2)
    with pytest.raises(RunExistsError, match="already holds a run; choose another folder, or replace it"):
        watch(network, optimizer, tmp_path / "run")
    assert open_run(tmp_path / "run").last_step == 2
    with watch(network, optimizer, tmp_path / "run", overwrite=True):
        run_steps(network, optimizer, 1)
    assert open_run(tmp_path / "run").last_step == 1


REFUSED = {
    "no parameters": (nn.ReLU(), None, "the ReLU has no parameters"),
    "complex": (
        nn.Linear(2, 2, dtype=torch.complex64),
        None,
        "parameter weight, bias of the Linear is complex",
    ),
    "lazy": (nn.LazyLinear(2), None, "not initialised yet; run one forward pass"),
    "meta": (nn.Linear(2, 2, device="meta"), None, "on the meta device"),
    "other parameters": (nn.Linear(2, 2), nn.Linear(2, 2), "moves no parameter of the Linear; build it from"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_recorded_is_refused(case: str, tmp_path: Path) -> None:
    model, other, words = REFUSED[case]
    optimizer = torch.optim.SGD((other or nn.Linear(1, 1)).parameters(), lr=0.1)
    with pytest.raises(WatchError, match=words):
        watch(model, optimizer, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [(nn.Linear(1, 1), "SGD"), (nn.Linear(1, 1), []), ("net", "SGD")])
def test_what_is_no_model_or_optimizer_is_refused(wrong: tuple[object, object], tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="watch needs"):
        watch(*wrong, tmp_path / "run")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cost": 2}, "share of the training's time from 0 to 1"),
        ({"every": 0}, "at least 1"),
        ({"flush": 0}, "above 0"),
        ({"disk": "lots"}, "text such as \"2GB\", got 'lots'"),
        ({"disk": 0}, "more than 0 bytes"),
        ({"kinds": ["weights"]}, r"unknown kind of statistics 'weights': did you mean weight\?"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], words: str, tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(OptionError, match=words):
        watch(model, adam(model), tmp_path / "run", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("ending", "status"), [("", "finished"), ("raise ValueError('mine')", "failed")])
def test_a_run_that_nobody_closes_is_closed_at_exit(ending: str, status: str, tmp_path: Path) -> None:
    script = f"""
    import torch, weightdesk
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = weightdesk.watch(model, optimizer, {str(tmp_path / "run")!r})
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    {ending}
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True)
    run = open_run(tmp_path / "run")
    assert (run.status, run.last_step) == (status, 1)


def test_closing_twice_and_logging_afterwards_do_no_harm(network: nn.Module, tmp_path: Path) -> None:
    recording = watch(network, adam(network), tmp_path / "run")
    recording.close()
    recording.close("failed")
    recording.log(loss=1.0)
    assert recording.status == "finished"
    assert recording.directory == str(tmp_path / "run")
