"""`weightdesk train digits`: accuracy over five seeds, wall time, and its loop beside a hand-written one.

The hand-written loop does the same work on the same tensors with the same batches: forward, loss,
backward, step, cosine schedule, and loss and accuracy on the validation part after each pass.
The loops take turns, so that both meet the same moods of the machine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, seconds

from weightdesk.training import Recipe, prepare, train
from weightdesk.training.loop import Course
from weightdesk.training.preparation import Preparation
from weightdesk.training.randomness import seeded

SEEDS = range(5)
PAIRS = 9


def measure() -> list[Row]:
    """Train with five seeds, recording, then compare the loops without a recording."""
    accuracies, walls = zip(*(_whole(seed) for seed in SEEDS), strict=True)
    median, worst = statistics.median(accuracies), min(accuracies)
    ratio = _loop_ratio()
    return [
        Row("train digits, held-out accuracy, median of 5 seeds", f"{median:.1%}", "≥ 98 %", median >= 0.98),
        Row("… worst of 5 seeds", f"{worst:.1%}", "≥ 98 %", worst >= 0.98),
        Row("train digits, wall time, slowest of 5", f"{max(walls):.1f} s", "< 20 s", max(walls) < 20),
        Row("its loop over a hand-written one", f"{ratio:.3f}×", "≤ 1.05×", ratio <= 1.05),
    ]


def _whole(seed: int) -> tuple[float, float]:
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        wall = seconds(lambda: outcomes.append(train(Recipe.create("digits", seed=seed), f"{folder}/run")))
    return outcomes[0].metrics["test"]["accuracy"], wall


def _loop_ratio() -> float:
    """Return the median of the ratios of neighbouring runs; the first pair warms up."""
    ratios = []
    for pair in range(PAIRS + 1):
        loops = [_ours, _by_hand] if pair % 2 else [_by_hand, _ours]
        times = {loop: _timed(loop) for loop in loops}
        ratios.append(times[_ours] / times[_by_hand])
    return statistics.median(ratios[1:])


def _timed(loop: Callable[[Preparation], float]) -> float:
    with seeded(0):
        return loop(prepare(Recipe.create("digits")))


class _NoRecording:
    cost = 0.0

    def log(self, **values: object) -> None:
        """Keep nothing."""


def _ours(prepared: Preparation) -> float:
    course = Course(prepared)
    course.run(_NoRecording())
    return course.seconds


def _by_hand(prepared: Preparation) -> float:
    started = time.perf_counter()
    model, optimizer, train_part = prepared.model, prepared.optimizer, prepared.parts["train"]
    inputs, targets, held_out = train_part.inputs, train_part.targets, prepared.parts["validation"]
    steps = prepared.steps()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(prepared.recipe.epochs):
        for batch in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()
            scheduler.step()
        model.eval()
        with torch.no_grad():
            outputs = model(held_out.inputs)
            functional.cross_entropy(outputs, held_out.targets).item()
            (outputs.argmax(1) == held_out.targets).float().mean().item()
        model.train()
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    print(markdown(measure()))


if __name__ == "__main__":
    main()
