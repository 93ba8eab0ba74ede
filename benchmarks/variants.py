"""The ways of recording a training that are compared: each gives the step of a training with it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from networks import Workload

from weightdesk import watch

Step = Callable[[], object]


@contextmanager
def unwatched(work: Workload, folder: Path) -> Iterator[Step]:
    """The training alone."""
    yield work.step


@contextmanager
def watched(work: Workload, folder: Path) -> Iterator[Step]:
    """`watch` as it comes."""
    with watch(work.model, work.optimizer, folder / "default") as recording:
        yield lambda: recording.log(loss=work.step())


@contextmanager
def watched_and_checked(work: Workload, folder: Path) -> Iterator[Step]:
    """`watch` with its check-up while the training runs."""
    with watch(work.model, work.optimizer, folder / "checked", check=True) as recording:
        yield lambda: recording.log(loss=work.step())


@contextmanager
def watched_at_every_step(work: Workload, folder: Path) -> Iterator[Step]:
    """`watch` with statistics of everything at every step: all four kinds."""
    options = {"cost": None, "every": 10**9}
    with watch(work.model, work.optimizer, folder / "every", **options) as recording:
        yield lambda: recording.log(loss=work.step())


@contextmanager
def hand_written(work: Workload, folder: Path) -> Iterator[Step]:
    """Six torch reductions a tensor, fetched as numbers."""
    kept = []

    def step() -> None:
        work.step()
        for tensor in tensors(work):
            values = tensor.detach()
            low, high = torch.aminmax(values)
            kept.append([
                values.mean().item(), values.std().item(), values.norm().item(), low.item(), high.item(),
                (values == 0).sum().item(),
            ])  # fmt: skip

    yield step


@contextmanager
def tensorboard(work: Workload, folder: Path) -> Iterator[Step]:
    """A TensorBoard histogram of each weight and gradient."""
    from torch.utils.tensorboard import SummaryWriter

    writer, done = SummaryWriter(str(folder / "tensorboard")), 0

    def step() -> None:
        nonlocal done
        work.step()
        for name, parameter in work.model.named_parameters():
            writer.add_histogram(f"weights/{name}", parameter, done)
            writer.add_histogram(f"gradients/{name}", parameter.grad, done)
        done += 1

    yield step
    writer.close()


@contextmanager
def wandb(work: Workload, folder: Path) -> Iterator[Step]:
    """`wandb.watch(log="all", log_freq=1)`, offline."""
    import wandb as peer

    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(folder))
    run = peer.init(project="overhead", dir=str(folder))
    peer.watch(work.model, log="all", log_freq=1)
    yield lambda: run.log({"loss": work.step().item()})
    peer.unwatch(work.model)
    run.finish()


def tensors(work: Workload) -> list[torch.Tensor]:
    """All weights and gradients."""
    parameters = list(work.model.parameters())
    return [*parameters, *(each.grad for each in parameters if each.grad is not None)]


def timed(step: Step, count: int) -> list[float]:
    """Seconds of each step."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


VARIANTS = {
    each.__name__: each
    for each in (
        unwatched, watched, watched_and_checked, watched_at_every_step, hand_written, tensorboard, wandb
    )
}  # fmt: skip
