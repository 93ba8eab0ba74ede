"""The parts of an update beside the move that torch made: the worst remainder of each optimizer.

Random weights, gradients of many sizes, several steps, every option, one tensor at a time and foreach.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from reporting import Row, markdown
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.explain.updates.optimizers import RULES, OptimizerStep, terms_of

WEIGHTS, STEPS, RATES = 10_000, 12, (1e-3, 0.1)
_ADAM = {"betas": [(0.9, 0.999), (0.5, 0.9)], "weight_decay": [0.0, 0.1], "maximize": [False, True]}
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "SGD": {
        "momentum": [0.0, 0.9],
        "dampening": [0.0, 0.5],
        "nesterov": [False, True],
        "weight_decay": [0.0, 0.1],
        "maximize": [False, True],
    },
    "Adagrad": {
        "lr_decay": [0.0, 0.1],
        "initial_accumulator_value": [0.0, 0.1],
        "weight_decay": [0.0, 0.1],
        "maximize": [False, True],
    },
    "RMSprop": {
        "centered": [False, True],
        "momentum": [0.0, 0.9],
        "weight_decay": [0.0, 0.1],
        "maximize": [False, True],
    },
    "Adadelta": {"rho": [0.9, 0.5], "weight_decay": [0.0, 0.1], "maximize": [False, True]},
    "Adam": _ADAM | {"amsgrad": [False, True]},
    "AdamW": _ADAM | {"amsgrad": [False, True]},
    "NAdam": _ADAM | {"decoupled_weight_decay": [False, True]},
    "RAdam": _ADAM | {"decoupled_weight_decay": [False, True]},
    "Adamax": _ADAM,
}


def measure() -> list[Row]:
    """Return the worst remainder of each optimizer, in ulps of float32 and relative in float64."""
    rows = []
    for name in OPTIONS:
        single = torch.cat(list(remainders(name, torch.float32)))
        double = torch.cat(list(remainders(name, torch.float64))).max().item()
        above, relative = int((single > 4).sum()), double * torch.finfo(torch.float64).eps
        figure = f"{single.max():.1f} ulp, {above} of {len(single):,} moves above 4"
        rows.append(Row(f"{name}, float32", figure, "≤ 4 ulp", not above))
        rows.append(Row(f"{name}, float64", f"{relative:.1e}", "≤ 1e-12", relative <= 1e-12))
    return rows


def remainders(name: str, dtype: torch.dtype) -> Iterator[Tensor]:
    """Yield the remainders of many moves in ulps of the larger term, for each choice of options."""
    choices = OPTIONS[name]
    for foreach, values in product([False, True], product(*choices.values())):
        options = dict(zip(choices, values, strict=True))
        if options.get("nesterov") and (not options["momentum"] or options["dampening"]):
            continue  # torch refuses them
        for lr in RATES:
            yield _trained(name, {"lr": lr, "foreach": foreach, **options}, dtype)


def _trained(name: str, options: dict[str, Any], dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(0)

    def numbers(smallest: float) -> Tensor:
        size = 10 ** (smallest * torch.rand(WEIGHTS, generator=generator, dtype=torch.float64))
        return (size * torch.randn(WEIGHTS, generator=generator, dtype=torch.float64)).to(dtype)

    parameter = nn.Parameter(numbers(-4))
    optimizer = getattr(torch.optim, name)([parameter], **options)
    slope = numbers(-6)  # gradients share a direction, so that momentum and variance mean something
    moves = []
    for _ in range(STEPS):
        parameter.grad = slope + 0.1 * numbers(-6)
        moves.append(remainder(optimizer, parameter))
    return torch.cat(moves)


def remainder(optimizer: Optimizer, parameter: nn.Parameter) -> Tensor:
    """Take a step; return what its parts leave of each weight's move, in ulps of the larger term."""
    assert parameter.grad is not None
    before = parameter.detach().clone()
    state = {key: each.clone() for key, each in optimizer.state[parameter].items() if each is not None}
    start = OptimizerStep(before, parameter.grad.clone(), state, optimizer.param_groups[0])
    optimizer.step()
    after = parameter.detach()
    values = [term.value for term in terms_of(start, RULES[type(optimizer).__name__](start))]
    left = after.double() - before.double() - sum(values)
    largest = torch.stack([before.double(), after.double(), *values]).abs().amax(0)
    ulp = torch.finfo(after.dtype).eps * 2.0 ** (torch.frexp(largest).exponent - 1).double()
    return (left.abs() / ulp).nan_to_num(math.inf)


def main() -> None:
    """Print the table."""
    sys.stdout.write(markdown(measure()) + "\n")


if __name__ == "__main__":
    main()
