"""Adam and AdamW."""

from __future__ import annotations

import torch

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def adam(step: OptimizerStep) -> Split:
    """First moment over the root of the second, both corrected for their start at zero.

    Kingma & Ba (2015); with `amsgrad` the largest second moment so far (Reddi, Kale & Kumar 2018); the
    decay of AdamW apart from the gradient (Loshchilov & Hutter 2019).

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 0.5, "betas": [0.5, 0.5], "eps": 0.0})
    >>> adam(start).per_gradient
    {'−lr': -0.5, '1/(1−β₁ᵗ)': 2.0, '1/(√v̂+ε)': tensor([0.5000], dtype=torch.float64), '(1−β₁)': 0.5}
    """
    options, count = step.options, step.count
    beta1, beta2 = options["betas"]
    first, taken, correction = step.moment("exp_avg"), step.rounded(1 - beta1), float(1 - beta1**count)
    second = step.mean_square("exp_avg_sq", beta2)
    state = {"exp_avg": step.mean("exp_avg", beta1), "exp_avg_sq": second}
    symbol = "1/(√v̂+ε)"
    if options.get("amsgrad"):
        second = state["max_exp_avg_sq"] = torch.maximum(step.moment("max_exp_avg_sq"), second)
        symbol = "1/(√v̂max+ε)"
    root = second.sqrt().div(float(1 - beta2**count) ** 0.5).add(options["eps"])
    common: Factors = {
        "−lr": -options["lr"],
        "1/(1−β₁ᵗ)": step.with_lr(1 / correction),
        symbol: 1 / root.double(),
    }
    memory = {**common, "β₁": 1 - taken, "m": first}
    rounding: Factors = {**common, "m − its exact value": step.mean_rounding("exp_avg", beta1)}
    return Split({**common, "(1−β₁)": taken}, memory, step.shrink, rounding, state)
