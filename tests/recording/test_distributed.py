"""Several processes train one model: FSDP2 records shards that make the whole, DDP records once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import nn

from weightdesk import Run, open_run, watch
from weightdesk.errors import RunExistsError

WORLD = 2
STEPS = 4


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))


def train(model: nn.Module, folder: Path) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    with watch(model, optimizer, folder, cost=None, every=1) as recording:
        for step in range(STEPS):
            inputs = torch.randn(6, 5, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            recording.log(loss=loss)
            optimizer.step()
    assert recording.step == STEPS


def train_sharded(folder: Path) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model, mesh = network(), init_device_mesh("cpu", (WORLD,))
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    train(model, folder)
    with pytest.raises(RunExistsError, match="already holds a run"):
        watch(model, torch.optim.SGD(model.parameters()), folder)


def train_replicated(folder: Path) -> None:
    train(nn.parallel.DistributedDataParallel(network()), folder)


def run_rank(rank: int, port: int, body: Callable[[Path], None], folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    distributed.init_process_group("gloo", rank=rank, world_size=WORLD)
    body(folder)
    distributed.barrier()
    distributed.destroy_process_group()


def statistics_of_parameters(run: Run) -> dict[tuple[int, str, str], list[float]]:
    numbers = ["count", "zeros", "mean", "std", "rms", "abs_max", "sign_flips", "update_ratio"]
    return {
        (row["step"], row["parameter"], row["kind"]): [row[name] for name in numbers if row[name] is not None]
        for row in run.statistics.to_pylist()
        if row["kind"] != "activation"
    }


@pytest.mark.parametrize("body", [train_sharded, train_replicated])
def test_several_processes_record_what_one_would(body: Callable[[Path], None], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(run_rank, (port, body, tmp_path / "many"), WORLD)
    train(network(), tmp_path / "one")
    many, one = open_run(tmp_path / "many"), open_run(tmp_path / "one")
    assert many.status == "finished"
    assert many.steps == one.steps == tuple(range(STEPS + 1))
    assert list(many.parameters) == list(one.parameters)
    for name in one.parameters:
        for step in one.steps:
            torch.testing.assert_close(many.weights(name, step), one.weights(name, step))
        for step in range(STEPS):
            torch.testing.assert_close(many.gradient(name, step), one.gradient(name, step))
            assert torch.equal(
                many.update(name, step), many.weights(name, step + 1) - many.weights(name, step)
            )
            for key, value in one.state(name, step).items():
                torch.testing.assert_close(many.state(name, step)[key], value)
    assert (many.manifest.recording["processes"], one.manifest.recording["processes"]) == (WORLD, 1)
    assert "before clipping" in many.manifest.recording["notes"][0]
    assert "not recorded across several processes" in many.explain_update("0.weight", (0, 0), 0).notes[0]
    assert one.explain_update("0.weight", (0, 0), 0).notes == ()
    found, expected = (statistics_of_parameters(run) for run in (many, one))
    assert found.keys() == expected.keys()
    assert len(found) == STEPS * 4 * 3
    for key, row in expected.items():
        assert found[key] == pytest.approx(row, rel=1e-4, abs=1e-7), key
    keys = ["step", "parameter", "index"]
    assert many.sampled.select(keys).to_pylist() == one.sampled.select(keys).to_pylist()
    assert many.sampled["weight"].to_pylist() == pytest.approx(one.sampled["weight"].to_pylist(), abs=1e-6)
    assert many.metrics.num_rows == STEPS
    assert (
        not list((tmp_path / "many" / "pieces").glob("*"))
        if (tmp_path / "many" / "pieces").exists()
        else True
    )
