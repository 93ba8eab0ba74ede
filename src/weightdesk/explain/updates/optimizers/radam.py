"""RAdam."""

from __future__ import annotations

from typing import Any, Final

from torch import Tensor

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split

_SCALE: Final = "√(1−β₂ᵗ)/(√v+ε)"


def radam(step: OptimizerStep) -> Split:
    """Adam that scales by the second moment only once its variance is known (Liu et al. 2020).

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 0.5, "betas": [0.5, 0.75], "eps": 0.0})
    >>> radam(start).per_gradient
    {'−lr': -0.5, '1/(1−β₁ᵗ)': 2.0, '(1−β₁)': 0.5}
    """
    options, count = step.options, step.count
    beta1, beta2 = options["betas"]
    first, taken = step.moment("exp_avg"), step.rounded(1 - beta1)
    second = step.mean_square("exp_avg_sq", beta2)
    root = second.sqrt().add(options["eps"])
    corrections = float(1 - beta1**count), float(1 - beta2**count)
    adapt = _foreach_factors if step.foreach else _factors
    common = adapt(step, root, corrections, rectification(beta2, count))
    return Split(
        {**common, "(1−β₁)": taken},
        {**common, "β₁": 1 - taken, "m": first},
        step.shrink,
        {**common, "m − its exact value": step.mean_rounding("exp_avg", beta1)},
        {"exp_avg": step.mean("exp_avg", beta1), "exp_avg_sq": second},
    )


def _factors(
    step: OptimizerStep, root: Tensor, corrections: tuple[float, float], rectified: float
) -> Factors:
    """All that the first moment is multiplied with, each number rounded by itself."""
    common = {"−lr": -step.rounded(step.options["lr"]), "1/(1−β₁ᵗ)": 1 / step.rounded(corrections[0])}
    if not rectified:
        return common
    scale = (corrections[1] ** 0.5 / root).double()
    return {**common, "rectification": step.rounded(rectified), _SCALE: scale}


def _foreach_factors(
    step: OptimizerStep, root: Tensor, corrections: tuple[float, float], rectified: float
) -> Factors:
    """The same where all numbers become one before they are rounded."""
    lr = step.options["lr"]
    if not rectified:
        return {"−lr": -lr, "1/(1−β₁ᵗ)": step.with_lr(1 / corrections[0])}
    exact = (lr or 1.0) * rectified / corrections[0]
    scale = root.div(exact * corrections[1] ** 0.5).reciprocal().double() / exact
    return {"−lr": -lr, "1/(1−β₁ᵗ)": 1 / corrections[0], "rectification": rectified, _SCALE: scale}


def rectification(beta2: float, count: Any) -> float:
    """The variance rectification r of the t-th step; 0 as long as it is not defined.

    Arguments:
        beta2: decay of the second moment.
        count: number of the step from 1, a float, or a tensor where the optimizer computes with one.

    >>> rectification(0.999, 5.0), round(rectification(0.999, 100.0), 4)
    (0.0, 0.2153)
    """
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * count * beta2**count / (1 - beta2**count)
    if length <= 5:
        return 0.0
    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return float(ratio**0.5)
