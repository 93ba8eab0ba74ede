"""Adagrad."""

from __future__ import annotations

from weightdesk.explain.updates.optimizers.rule import OptimizerStep, Split


def adagrad(step: OptimizerStep) -> Split:
    """Gradients over the root of the sum of all their squares (Duchi, Hazan & Singer 2011).

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {"sum": torch.zeros(1)},
    ...     {"lr": 0.5, "lr_decay": 0.0, "eps": 0.0})
    >>> adagrad(start).per_gradient
    {'−lr': -0.5, '1/(1+(t−1)η)': 1.0, '1/(√s+ε)': tensor([0.5000], dtype=torch.float64)}
    """
    options, direction = step.options, step.direction
    squares = step.moment("sum").addcmul(direction, direction, value=1)
    slowed = 1 + (step.count - 1) * options["lr_decay"]
    scale = 1 / squares.sqrt().add(options["eps"]).double()
    per_gradient = {"−lr": -options["lr"], "1/(1+(t−1)η)": step.with_lr(1 / slowed), "1/(√s+ε)": scale}
    return Split(per_gradient, state={"sum": squares})
