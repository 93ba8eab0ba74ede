"""A sweep of one weight over 41 values beside turns of that weight, each to the exact loss of the probe set.

Sweeps and turns of random weights alternate, layer by layer, after one of each that does not count. What a
sweep says is compared with the exact loss at every value.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from reporting import Row, markdown, seconds
from torch.nn import functional
from turn import Subject, cnn, gpt, mlp, resnet

from weightdesk.desk import Desk
from weightdesk.desk.sweeps import Sweep
from weightdesk.types import Index

LAYERS = 6


@dataclass(frozen=True)
class Swept:
    """A sweep of a layer's weight.

    Attributes:
        turns: how long it took, in turns.
        held: share of the values whose exact loss lies within the stated error.
        off: largest distance to the exact loss, over the range of the exact losses.
    """

    turns: float
    held: float
    off: float


def measure(repeats: int = 7) -> list[Row]:
    """Measure all networks."""
    torch.manual_seed(0)
    return [row for make in (mlp, cnn, gpt, resnet) for row in _network(make, repeats)]


def _network(make: Callable[[], Subject], repeats: int) -> list[Row]:
    subject = make()
    loss = _of_tokens if subject.targets.ndim > 1 else functional.cross_entropy
    desk = Desk(subject.model, subject.inputs, subject.targets, loss, memory="2.5GB")
    desk.outcome  # noqa: B018 - builds the lanes of all examples
    layers = subject.layers()
    layers = [*layers[: -1 : -(-len(layers) // LAYERS)], layers[-1]]
    found = {layer: _layer(desk, layer, repeats) for layer in layers}
    for layer, each in found.items():
        sys.stderr.write(
            f"  {subject.name} {layer}: {each.turns:.1f} turns, held {each.held:.0%}, off {each.off:.1e}\n"
        )
    turns = [each.turns for each in found.values()]
    held = statistics.mean(each.held for each in found.values())
    count = len(subject.inputs)
    return [
        Row(
            f"{subject.name}, {count} examples: sweep of 41 values, slowest layer",
            f"{max(turns):.1f} turns",
            "≤ 5",
            max(turns) <= 5,
        ),
        Row("… median layer", f"{statistics.median(turns):.1f} turns"),
        Row("… exact losses within the stated error", f"{held:.1%}", "≥ 95 %", held >= 0.95),
        Row("… largest distance over the range", f"{max(each.off for each in found.values()):.1e}"),
    ]


def _of_tokens(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def _layer(desk: Desk, layer: str, repeats: int) -> Swept:
    draw = torch.Generator().manual_seed(1)
    shape = desk.state.values[layer].shape
    swept, turned = [], []
    for _ in range(repeats + 1):
        index = tuple(int(torch.randint(size, (), generator=draw)) for size in shape)
        turned.append(seconds(lambda index=index: _turn(desk, layer, index)))
        desk.undo()
        swept.append(seconds(lambda index=index: desk.sweep(layer, index)))
    sweep, exact = desk.sweep(layer, index), desk.sweep(layer, index, exact=True)
    turns = statistics.median(swept[1:]) / statistics.median(turned[1:])
    return Swept(turns, *_compared(sweep, exact))


def _turn(desk: Desk, layer: str, index: Index) -> None:
    desk.set(layer, index, 0.123)
    assert desk.outcome.loss is not None


def _compared(sweep: Sweep, exact: Sweep) -> tuple[float, float]:
    off = (sweep.losses - exact.losses).abs()
    within = off <= sweep.error + 2e-7 * exact.losses.abs()
    span = float(exact.losses.max() - exact.losses.min()) or 1.0
    return float(within.double().mean()), float(off.max()) / span


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
