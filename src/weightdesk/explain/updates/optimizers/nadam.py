"""NAdam."""

from __future__ import annotations

import torch

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def nadam(step: OptimizerStep) -> Split:
    """Adam with Nesterov's look-ahead (Dozat 2016).

    The present gradient counts twice: by itself, and in the first moment that the next step would
    use. Before the first step the dtype of the product of the μ is not recorded; float32 is taken,
    torch's default.

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 0.5, "betas": [0.5, 0.75], "eps": 0.0, "momentum_decay": 0.0})
    >>> {symbol: round(float(factor), 4) for symbol, factor in nadam(start).per_gradient.items()}
    {'−lr': -0.5, '1/(√v̂+ε)': 0.5, '((1−μ)/(1−Πμ) + (1−β₁)μ₊/(1−μ₊Πμ))': 1.1333}
    """
    options, count = step.options, step.count
    (beta1, beta2), decay = options["betas"], options["momentum_decay"]
    first, taken = step.moment("exp_avg"), step.rounded(1 - beta1)
    second = step.mean_square("exp_avg_sq", beta2)
    now, following = (beta1 * (1 - 0.5 * 0.96 ** (each * decay)) for each in (count, count + 1))
    passed = step.state.get("mu_product", torch.ones(())) * now
    now, following, product = float(now), float(following), float(passed)
    ahead = step.with_lr(following / (1 - product * following))
    correction = float(1 - beta2**count)
    root = second.sqrt().div(correction**0.5) if step.foreach else second.div(correction).sqrt()
    common: Factors = {"−lr": -options["lr"], "1/(√v̂+ε)": 1 / root.add(options["eps"]).double()}
    present = step.with_lr((1 - now) / (1 - product))
    strayed = present * (step.direction.double() - step.unrounded_direction)
    strayed = strayed + ahead * step.mean_rounding("exp_avg", beta1)
    return Split(
        {**common, "((1−μ)/(1−Πμ) + (1−β₁)μ₊/(1−μ₊Πμ))": present + ahead * taken},
        {**common, "μ₊/(1−μ₊Πμ)": ahead, "β₁": 1 - taken, "m": first},
        step.shrink,
        {**common, "rounding of g + λw and of m, looking ahead": strayed},
        {"exp_avg": step.mean("exp_avg", beta1), "exp_avg_sq": second, "mu_product": passed},
    )
