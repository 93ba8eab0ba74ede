"""SparseAdam."""

from __future__ import annotations

import torch

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def sparse_adam(step: OptimizerStep) -> Split:
    """Adam for those weights that a sparse gradient holds; ε is added before the bias is corrected.

    All others stay as they are, moments included. Gradients are recorded in full, so a weight is
    taken to be held where its gradient is not zero.

    >>> start = OptimizerStep(torch.ones(2), torch.tensor([2.0, 0.0]), {},
    ...     {"lr": 0.5, "betas": [0.5, 0.75], "eps": 0.0})
    >>> sparse_adam(start).per_gradient["√(1−β₂ᵗ)/(1−β₁ᵗ)"], sparse_adam(start).state["exp_avg"]
    (1.0, tensor([1., 0.]))
    """
    options, direction, count = step.options, step.direction, float(step.count)
    beta1, beta2 = options["betas"]
    first, second, held = step.moment("exp_avg"), step.moment("exp_avg_sq"), direction != 0
    mean = torch.where(held, first + (direction - first) * (1 - beta1), first)
    square = torch.where(held, second + (direction.square() - second) * (1 - beta2), second)
    scale = torch.where(held, 1 / square.sqrt().add(options["eps"]).double(), 0.0)
    common: Factors = {
        "−lr": -options["lr"],
        "√(1−β₂ᵗ)/(1−β₁ᵗ)": step.with_lr((1 - beta2**count) ** 0.5 / (1 - beta1**count)),
        "1/(√v+ε)": scale,
    }
    taken = step.rounded(1 - beta1)
    return Split(
        {**common, "(1−β₁)": taken},
        {**common, "β₁": 1 - taken, "m": first},
        state={"exp_avg": mean, "exp_avg_sq": square},
    )
