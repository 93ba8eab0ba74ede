"""What recording costs a training step: weightdesk, TensorBoard, wandb and a hand-written loop.

All variants of a network train side by side in one process, in turns of a few steps, and each is
compared with the unwatched turn beside it; the figure is the median of these ratios.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from networks import Workload, cnn, gpt, mlp
from reporting import Row, markdown

from weightdesk import watch

ROUNDS, ROUNDS_OF_PEERS = 16, 4
REACH_DEFAULT, REACH_EVERY = 1.03, {"MLP": 1.3, "CNN": 1.03, "GPT": 1.06}
TURN_SECONDS = 0.4

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
def watched_at_every_step(work: Workload, folder: Path) -> Iterator[Step]:
    """`watch` with statistics of all weights and gradients at every step."""
    options = {"cost": None, "kinds": ("weight", "gradient"), "every": 10**9}
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


def ratios(
    make: Callable[[], Workload], variants: list[Callable], folder: Path, rounds: int = ROUNDS
) -> list[float]:
    """Step time of each variant over that of the unwatched training in the same round."""
    alone = make()
    for _ in range(3):
        alone.step()
    turn = max(3, round(TURN_SECONDS / max(1e-4, median_step(alone.step, 5))))
    found = []
    for variant in variants:
        work = make()
        with variant(work, folder) as step:
            for _ in range(3):
                step()
            each = []
            for _ in range(rounds):
                without = median_step(alone.step, turn)
                each.append(median_step(step, turn) / without)
            found.append(statistics.median(each))
    return found


def median_step(step: Step, count: int) -> float:
    """Median seconds a step."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def first_step(make: Callable[[], Workload], folder: Path) -> float:
    """Seconds by which the first recorded step of a training is longer than an unwatched first step."""
    more = []
    for i in range(5):
        alone, work = make(), make()
        without = median_step(alone.step, 1)
        with watched(work, folder / f"first{i}") as step:
            more.append(median_step(step, 1) - without)
    return statistics.median(more)


def measure() -> list[Row]:
    """Measure all networks."""
    rows = []
    for make in (mlp, cnn, gpt):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            label = make().name
            ours = [watched, watched_at_every_step]
            peers = [hand_written, tensorboard, wandb]
            default, every = ratios(make, ours, folder)
            others = ratios(make, peers, folder, ROUNDS_OF_PEERS)
            first = first_step(make, folder)
        reach = REACH_EVERY[label]
        rows += [
            Row(
                f"{label}: step with watch as it comes",
                f"{default:.3f}×",
                f"≤ {REACH_DEFAULT}×",
                default <= REACH_DEFAULT,
            ),
            Row(f"{label}: first recorded step", f"{first * 1e3:+.0f} ms", "≤ +50 ms", first <= 0.05),
            Row(f"{label}: statistics at every step", f"{every:.3f}×", f"≤ {reach}×", every <= reach),
            *(
                Row(f"{label}: … the same with {peer}", f"{ratio:.2f}×")
                for peer, ratio in zip(("torch reductions", "TensorBoard", "wandb"), others, strict=True)
            ),
        ]
    return rows


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
