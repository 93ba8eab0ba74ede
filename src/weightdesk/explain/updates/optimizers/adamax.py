"""Adamax."""

from __future__ import annotations

import torch

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def adamax(step: OptimizerStep) -> Split:
    """First moment over the largest gradient so far, slowly forgotten (Kingma & Ba 2015, section 7.1).

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 0.5, "betas": [0.5, 0.75], "eps": 0.0})
    >>> adamax(start).per_gradient
    {'−lr': -0.5, '1/(1−β₁ᵗ)': 2.0, '1/u': tensor([0.5000], dtype=torch.float64), '(1−β₁)': 0.5}
    """
    options, direction, count = step.options, step.direction, step.count
    beta1, beta2 = options["betas"]
    first, taken, correction = step.moment("exp_avg"), step.rounded(1 - beta1), float(1 - beta1**count)
    largest = torch.maximum(step.moment("exp_inf").mul(beta2), direction.abs().add(options["eps"]))
    common: Factors = {
        "−lr": -options["lr"],
        "1/(1−β₁ᵗ)": step.with_lr(1 / correction),
        "1/u": 1 / largest.double(),
    }
    state = {"exp_avg": step.mean("exp_avg", beta1), "exp_inf": largest}
    return Split(
        {**common, "(1−β₁)": taken},
        {**common, "β₁": 1 - taken, "m": first},
        rounding={**common, "m − its exact value": step.mean_rounding("exp_avg", beta1)},
        state=state,
    )
