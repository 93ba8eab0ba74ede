"""Explain one weight's gradient beside one ordinary forward and backward pass of the same batch."""

from __future__ import annotations

import statistics
import sys

import torch
from networks import Workload, cnn, gpt
from reporting import Row, markdown, seconds
from torch import Tensor
from torch.nn import functional

from weightdesk.explain.gradients.gradient import explain_gradient

REACH = 2.0


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Over all examples and places."""
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def one_pass(workload: Workload) -> None:
    """Forward, backward, every gradient."""
    workload.model.zero_grad()
    cross_entropy(workload.model(workload.inputs), workload.targets).backward()


def ratio(workload: Workload, name: str, index: tuple[int, ...], repeats: int = 9) -> Row:
    """How many passes the explanation of a weight takes, side by side, for the machine is noisy."""

    def explained() -> None:
        explain_gradient(workload.model, workload.inputs, workload.targets, cross_entropy, name, index)

    one_pass(workload), explained()
    times = [(seconds(lambda: one_pass(workload)), seconds(explained)) for _ in range(repeats)]
    found = statistics.median(ours / alone for alone, ours in times)
    alone = statistics.median(alone for alone, _ in times)
    what = f"{workload.name}, {name}: explain_gradient over a pass of {alone * 1e3:.0f} ms"
    return Row(what, f"{found:.2f}×", f"≤ {REACH:.0f}×", found <= REACH)


def opening(workload: Workload, name: str, index: tuple[int, ...]) -> Row:
    """How long the ten largest paths to the loss take."""
    reasons = explain_gradient(workload.model, workload.inputs, workload.targets, cross_entropy, name, index)
    took = seconds(reasons.paths)
    what = f"{workload.name}, {name}: ten paths to the loss"
    return Row(what, f"{took:.2f} s")


def measure() -> list[Row]:
    """Weights of early and late layers, and the place embedding, which all examples share."""
    pictures, text = cnn(), gpt()
    pictures = Workload(
        "CNN",
        pictures.model,
        pictures.inputs.repeat(2, 1, 1, 1),
        pictures.targets.repeat(2),
        pictures.optimizer,
    )
    assert len(pictures.inputs) == 128
    token = int(torch.mode(text.inputs.flatten()).values)
    rows = [
        ratio(pictures, "0.weight", (5, 1, 1, 1)),
        ratio(pictures, "7.weight", (3, 8, 1, 1)),
        ratio(text, "blocks.0.qkv.weight", (3, 4)),
        ratio(text, "blocks.3.contract.weight", (3, 4)),
        ratio(text, "tokens.weight", (token, 3)),
        ratio(text, "places.weight", (5, 3)),
    ]
    return [*rows, opening(pictures, "0.weight", (5, 1, 1, 1)), opening(text, "blocks.0.qkv.weight", (3, 4))]


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
