"""What recording costs a training step: weightdesk, TensorBoard, wandb and a hand-written loop.

All variants of a network train side by side in one process, in short turns, and each is compared
with the unwatched turn beside it; the figure is the median of these ratios, and for `watch` as it
comes also the ratio of all time taken.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from networks import Workload, cnn, gpt, mlp
from reporting import Row, markdown

from weightdesk import watch

ROUNDS, ROUNDS_OF_PEERS = 100, 8
REACH_DEFAULT, REACH_EVERY = 1.03, {"MLP": 1.3, "CNN": 1.03, "GPT": 1.06}
TURN_SECONDS = 0.2

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


@dataclass(frozen=True)
class Cost:
    """Step time of a variant over that of the unwatched training: in the median, and in all."""

    median: float
    mean: float


def costs(make: Callable[[], Workload], variants: list[Callable], folder: Path, rounds: int) -> list[Cost]:
    """What each variant costs, turn by turn beside the training alone."""
    alone = make()
    timed(alone.step, 3)
    turn = max(1, round(TURN_SECONDS / statistics.median(timed(alone.step, 5))))
    found = []
    for variant in variants:
        work = make()
        with variant(work, folder) as step:
            timed(step, 3)
            turns = [(timed(alone.step, turn), timed(step, turn)) for _ in range(rounds)]
        medians = [statistics.median(watched) / statistics.median(free) for free, watched in turns]
        free, watched = (sum(map(sum, each)) for each in zip(*turns, strict=True))
        found.append(Cost(statistics.median(medians), watched / free))
    return found


def timed(step: Step, count: int) -> list[float]:
    """Seconds of each step."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure() -> list[Row]:
    """Measure all networks."""
    rows = []
    for make in (mlp, cnn, gpt):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            label = make().name
            ours = [watched, watched_and_checked, watched_at_every_step]
            peers = [hand_written, tensorboard, wandb]
            default, checked, every = costs(make, ours, folder, ROUNDS)
            others = costs(make, peers, folder, ROUNDS_OF_PEERS)
        reach = REACH_EVERY[label]
        rows += [
            Row(
                f"{label}: step with watch as it comes",
                f"{default.median:.3f}×",
                f"≤ {REACH_DEFAULT}×",
                default.median <= REACH_DEFAULT,
            ),
            Row(f"{label}: … of all time, not in the median", f"{default.mean:.3f}×"),
            Row(
                f"{label}: … with the check-up while it runs",
                f"{checked.median:.3f}×",
                f"≤ {REACH_DEFAULT}×",
                checked.median <= REACH_DEFAULT,
            ),
            Row(f"{label}: … of all time, not in the median", f"{checked.mean:.3f}×"),
            Row(
                f"{label}: statistics at every step",
                f"{every.median:.3f}×",
                f"≤ {reach}×",
                every.median <= reach,
            ),
            *(
                Row(f"{label}: … the same with {peer}", f"{cost.median:.2f}×")
                for peer, cost in zip(("torch reductions", "TensorBoard", "wandb"), others, strict=True)
            ),
        ]
    return rows


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
