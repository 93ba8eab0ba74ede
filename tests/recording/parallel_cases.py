"""Trainings in which several processes train one model; a program that each of the processes runs.

`python parallel_cases.py FOLDER [CASE ...]` runs the cases of this number of processes one after another,
in one process group. Each process writes to `FOLDER/<case>/` what happened to it, process 0 also the weights
after every step, gathered by torch itself; `test_distributed.py` compares these with the recording.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, fully_shard
from torch.distributed.tensor import DTensor, Partial, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn.parallel import DistributedDataParallel

from weightdesk import watch
from weightdesk.recording import membership, writer
from weightdesk.recording.flatshards import original_name

STEPS = 4
BATCH = 8


class Net(nn.Module):
    """Two layers; sizes that two processes cannot cut evenly, a bias that leaves one of them nothing."""

    def __init__(self, inputs: int = 5, hidden: int = 7, outputs: int = 1, norm: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.LayerNorm(inputs) if norm else nn.Identity()
        self.up, self.down = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls: Tensor
        self.calls += 1
        outputs: Tensor = self.down(self.up(self.norm(inputs)).relu())
        return outputs


def even() -> Net:
    return Net(6, 8, 4)


def ordered() -> Net:
    return Net(6, 8, 4, norm=True)


def by_data(inputs: Tensor, rank: int, count: int) -> Tensor:
    """The examples of a process; the losses of the processes then have the mean of the whole batch's."""
    return inputs.chunk(count)[rank]


def same(inputs: Tensor, _rank: int, _count: int) -> Tensor:
    return inputs


def by_pair(inputs: Tensor, rank: int, count: int) -> Tensor:
    return inputs.chunk(count // 2)[rank // 2]


def by_place(inputs: Tensor, rank: int, count: int) -> Tensor:
    return inputs.chunk(count, dim=1)[rank]


@dataclass(frozen=True)
class Case:
    """A way to train one model in several processes.

    Attributes:
        wrap: makes a network parallel.
        network: that is trained; in one process it gives the expected records.
        batch: what of a batch a process gets.
        inputs: shape of a batch.
        partial: parameters whose gradients are partial sums, so that they are not recorded.
        notes: what `run.json` says is left out, beside what it says of all such trainings.
    """

    wrap: Callable[[Net], nn.Module]
    network: Callable[[], Net] = Net
    batch: Callable[[Tensor, int, int], Tensor] = by_data
    inputs: tuple[int, ...] = (BATCH, 5)
    partial: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def shard_all(net: Net, **options: Any) -> nn.Module:
    for module in (net.up, net.down, net):
        fully_shard(module, **options)
    return net


def shard_on_second_dimension(net: Net) -> nn.Module:
    return shard_all(net, shard_placement_fn=lambda tensor: Shard(1) if tensor.ndim > 1 else Shard(0))


def shard_one_layer(net: Net) -> nn.Module:
    """The other layer stays a plain one, whose gradients the loop averages."""
    return fully_shard(net.up) and net


def replicate_shards(net: Net) -> nn.Module:
    count = distributed.get_world_size()
    mesh = init_device_mesh("cpu", (2, count // 2), mesh_dim_names=("replicate", "shard"))
    return shard_all(net, mesh=mesh)


def tensor_parallel(net: Net) -> nn.Module:
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    return parallelize_module(net, mesh, {"up": ColwiseParallel()} | _rows())


def _rows() -> dict[str, Any]:
    return {"down": RowwiseParallel()}


def sequence_parallel(net: Net) -> nn.Module:
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    up = ColwiseParallel(input_layouts=Shard(1))
    return parallelize_module(net, mesh, {"norm": SequenceParallel(), "up": up} | _rows())


def shard_tensor_parallel(net: Net) -> nn.Module:
    """FSDP2 over tensor parallelism: a dimension is cut twice."""
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
    parallelize_module(net, mesh["tensor"], {"up": ColwiseParallel()} | _rows())
    return shard_all(net, mesh=mesh["data"])


def replicate_tensor_parallel(net: Net) -> nn.Module:
    """DDP over tensor parallelism, in whose place it puts plain tensors: each process holds another part."""
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
    parallelize_module(net, mesh["tensor"], {"up": ColwiseParallel()} | _rows())
    return DistributedDataParallel(net, device_mesh=mesh["data"])


def first_fsdp(net: Net, **options: Any) -> nn.Module:
    options = {"use_orig_params": True, "device_id": torch.device("cpu"), **options}
    net.up = FullyShardedDataParallel(net.up, **options)  # type: ignore[assignment]
    return FullyShardedDataParallel(net, **options)


def first_fsdp_hybrid(net: Net) -> nn.Module:
    mesh = init_device_mesh("cpu", (2, distributed.get_world_size() // 2))
    return first_fsdp(net, device_mesh=mesh, sharding_strategy=ShardingStrategy.HYBRID_SHARD)


def first_fsdp_with(strategy: ShardingStrategy) -> Callable[[Net], nn.Module]:
    return lambda net: first_fsdp(net, sharding_strategy=strategy)


EVEN = {"network": even, "inputs": (BATCH, 6)}
UNCERTAIN = ("process 0 of 2 is recorded; nothing but a comparison",)
PARTIAL_SUMS = ("no gradients of norm.weight, norm.bias: partial sums",)

CASES: dict[str, Case] = {
    "ddp": Case(DistributedDataParallel),
    "averaged by hand": Case(lambda net: net, notes=UNCERTAIN),
    "fsdp2": Case(shard_all),
    "fsdp2, second dimension": Case(shard_on_second_dimension, **EVEN),
    "fsdp2, one layer": Case(shard_one_layer),
    "fsdp2, replicated": Case(replicate_shards),
    "tensor parallel": Case(tensor_parallel, batch=same, **EVEN),
    "sequence parallel": Case(
        sequence_parallel,
        ordered,
        by_place,
        (BATCH, 4, 6),
        ("norm.weight", "norm.bias"),
        PARTIAL_SUMS,
    ),
    "fsdp1": Case(first_fsdp),
    "fsdp1, gradients sharded": Case(first_fsdp_with(ShardingStrategy.SHARD_GRAD_OP)),
    "fsdp1, not sharded": Case(first_fsdp_with(ShardingStrategy.NO_SHARD)),
}
"""Of two processes."""

LARGE_CASES: dict[str, Case] = {
    "fsdp2": Case(shard_all),
    "fsdp2, replicated": Case(replicate_shards),
    "fsdp2 over tensor parallel": Case(shard_tensor_parallel, lambda: Net(6, 10, 4), by_pair, (BATCH, 6)),
    "fsdp1": Case(first_fsdp),
    "fsdp1, hybrid": Case(first_fsdp_hybrid),
}  # fmt: skip
"""Of four processes."""


@dataclass
class Report:
    """What happened to a process in a case."""

    seconds: float = 0.0
    step: int = -1
    status: str = ""
    error: str = ""
    warnings: list[str] = field(default_factory=list)


def batches(shape: tuple[int, ...]) -> Iterator[Tensor]:
    for step in range(STEPS):
        yield torch.randn(shape, generator=torch.Generator().manual_seed(step))


def gather(model: nn.Module) -> dict[str, Tensor]:
    """All parameters as torch puts them together; a collective."""
    if isinstance(model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(model, writeback=False):
            return {original_name(n): p.detach().clone() for n, p in model.named_parameters()}
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    return {
        name: (p.full_tensor() if isinstance(p, DTensor) else p).detach().clone()
        for name, p in inner.named_parameters()
    }


def average_plain(model: nn.Module) -> None:
    """What DDP would do, for the parameters that nothing else cares for."""
    if not isinstance(model, (DistributedDataParallel, FullyShardedDataParallel)):
        for parameter in model.parameters():
            if not isinstance(parameter, DTensor) and parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= distributed.get_world_size()


def train(case: Case, folder: Path | None, **options: Any) -> tuple[list[dict[str, Tensor]], Report]:
    """Train, watched if there is a folder; return all weights after every step."""
    rank, count = distributed.get_rank(), distributed.get_world_size()
    model, report = case.wrap(case.network()), Report()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    steps = list(batches(case.inputs))
    truth = [gather(model)]
    with torch.no_grad():
        model(case.batch(steps[0], rank, count))  # leaves parameters gathered, under some wrappers
    options = {"cost": None, "every": 1, "kinds": ("weight", "gradient", "update"), **options}
    recording = watch(model, optimizer, folder / "run", **options) if folder else None
    for inputs in steps:
        optimizer.zero_grad()
        loss = model(case.batch(inputs, rank, count)).square().mean()
        loss.backward()
        average_plain(model)
        if recording:
            recording.log(loss=loss)
        optimizer.step()
        truth.append(gather(model))
    with torch.no_grad():
        model(case.batch(steps[0], rank, count))
    if recording:
        began = time.monotonic()
        recording.close()
        report.seconds, report.step = time.monotonic() - began, recording.step
        report.status = recording.status
    return truth, report


def compare(case: Case, folder: Path) -> Report:
    """Train without and with `watch`."""
    alone, _ = train(case, None)
    truth, report = train(case, folder)
    if distributed.get_rank() == 0:
        torch.save({"alone": alone, "truth": truth}, folder / "truth.pt")
    return report


def simple_loop(model: nn.Module, steps: int = 2) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        step_once(model, optimizer)
    return optimizer


def step_once(model: nn.Module, optimizer: torch.optim.Optimizer, late: float = 0.0) -> None:
    optimizer.zero_grad()
    width = model.up.weight.shape[1]  # type: ignore[union-attr,index]
    model(torch.ones(4, width)).square().mean().backward()
    time.sleep(late)
    optimizer.step()


@contextmanager
def closed(report: Report, recording: Any) -> Iterator[None]:
    yield
    began = time.monotonic()
    recording.close()
    report.seconds, report.step, report.status = time.monotonic() - began, recording.step, recording.status


def late_process(folder: Path) -> Report:
    """One process is late in its first step: what it wrote before is no gradient."""
    report, model = Report(), shard_all(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with closed(report, watch(model, optimizer, folder / "run", flush=0.1)):
        for step in range(2):
            step_once(model, optimizer, 0.6 if step == 0 and distributed.get_rank() == 1 else 0.0)
    return report


def impatient() -> None:
    """Wait a second for others that will not come."""
    writer._PATIENCE = membership.PATIENCE = 1.0  # type: ignore[misc]


def only(rank: int) -> Callable[[Path], Report]:
    """A process watches, the others do not."""

    def run(folder: Path) -> Report:
        impatient()
        report, model = Report(), shard_all(Net())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        began = time.monotonic()
        watched = distributed.get_rank() == rank
        recording = watch(model, optimizer, folder / "run", every=1, flush=0.1) if watched else None
        for _ in range(40):
            step_once(model, optimizer)
        if recording:
            recording.close()
            report.step, report.status = recording.step, recording.status
        report.seconds = time.monotonic() - began
        return report

    return run


def process_that_goes(folder: Path) -> Report:
    """The second process never closes its recording."""
    impatient()
    report, model = Report(), shard_all(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = watch(model, optimizer, folder / "run", every=1)
    for _ in range(3):
        step_once(model, optimizer)
    if distributed.get_rank() == 0:
        with closed(report, recording):
            pass
    distributed.barrier()
    recording.close()
    return report


def place_with_a_run(folder: Path) -> Report:
    """The folder holds a run: all processes hear of it; with `overwrite` all of them record."""
    report, model = Report(), shard_all(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch(model, optimizer, folder / "run").close()
    distributed.barrier()
    try:
        watch(model, optimizer, folder / "run")
    except Exception as error:
        report.error = f"{type(error).__name__}: {error}"
    distributed.barrier()
    with closed(report, watch(model, optimizer, folder / "run", overwrite=True)):
        step_once(model, optimizer)
    return report


def place_that_cannot_be(folder: Path) -> Report:
    """Process 0 cannot write: the others hear of it, and do not wait."""
    report, model = Report(), shard_all(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (folder / "file").touch()
    began = time.monotonic()
    try:
        watch(model, optimizer, folder / "file" / "run")
    except Exception as error:
        report.error = f"{type(error).__name__}: {error}"
    report.seconds = time.monotonic() - began
    return report


def hidden_parameters(folder: Path) -> Report:
    """FSDP with its flat parameters in place of the module's: refused in every process."""
    report, model = Report(), first_fsdp(Net(), use_orig_params=False)
    try:
        watch(model, torch.optim.SGD(model.parameters(), lr=0.1), folder / "run")
    except Exception as error:
        report.error = f"{type(error).__name__}: {error}"
    model(torch.ones(4, 5)).square().mean().backward()
    return report


def stages(folder: Path) -> Report:
    """Each process holds another part of the model."""
    return plain(folder, Net(5 + distributed.get_rank()))


def others(folder: Path) -> Report:
    """Each process trains a model of its own, with parameters of the same names and shapes."""
    net = Net()
    with torch.no_grad():
        net.up.weight += distributed.get_rank()
    return plain(folder, net)


def replicas(folder: Path) -> Report:
    return plain(folder, Net())


def plain(folder: Path, net: Net) -> Report:
    report = Report()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with closed(report, watch(net, optimizer, folder / "run")):
        distributed.barrier()  # both are registered by now
        step_once(net, optimizer)
    return report


def unknown_parts(folder: Path) -> Report:
    model = replicate_tensor_parallel(even())
    report, optimizer = Report(), torch.optim.SGD(model.parameters(), lr=0.1)
    with closed(report, watch(model, optimizer, folder / "run", kinds=("weight",))):
        distributed.barrier()  # all are registered by now
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.ones(4, 6)).square().mean().backward()
            optimizer.step()
    return report


def partial_parameter(folder: Path) -> Report:
    """A parameter of which every process holds a summand is left out by name."""
    mesh, net = init_device_mesh("cpu", (distributed.get_world_size(),)), even()
    tensor_parallel_net = parallelize_module(net, mesh, {"up": ColwiseParallel(), "down": RowwiseParallel()})
    tensor_parallel_net.scale = nn.Parameter(DTensor.from_local(torch.ones(3), mesh, [Partial()]))
    report = Report()
    optimizer = torch.optim.SGD(tensor_parallel_net.parameters(), lr=0.1)
    recording = watch(tensor_parallel_net, optimizer, folder / "run", kinds=("weight", "gradient", "update"))
    with closed(report, recording):
        step_once(tensor_parallel_net, optimizer)
    return report


SPECIAL: dict[str, Callable[[Path], Report]] = {
    "late process": late_process,
    "place with a run": place_with_a_run,
    "place that cannot be": place_that_cannot_be,
    "hidden parameters": hidden_parameters,
    "stages": stages,
    "others": others,
    "replicas": replicas,
    "partial parameter": partial_parameter,
    "only process 0": only(0),
    "only process 1": only(1),
    "process that goes": process_that_goes,
}
"""What may go wrong, with two processes."""


LARGE_SPECIAL = {"ddp over tensor parallel": unknown_parts}


def main(folder: Path, only_cases: list[str]) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", timeout=timedelta(seconds=60))
    rank, count = distributed.get_rank(), distributed.get_world_size()
    cases = CASES if count == 2 else LARGE_CASES
    actions: dict[str, Callable[[Path], Report]] = {
        name: lambda place, case=case: compare(case, place)  # type: ignore[misc]
        for name, case in cases.items()
    } | (SPECIAL if count == 2 else LARGE_SPECIAL)
    for name, action in actions.items():
        if only_cases and name not in only_cases:
            continue
        place = folder / name
        place.mkdir(exist_ok=True)
        distributed.barrier()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                report = action(place)
            except Exception:
                report = Report(error=traceback.format_exc())
        report.warnings = [str(w.message) for w in caught if "weightdesk" in str(w.message)]
        (place / f"report-{rank}.json").write_text(json.dumps(vars(report)))
        distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    main(Path(sys.argv[1]), sys.argv[2:])
