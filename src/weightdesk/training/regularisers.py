"""What keeps weights small or sparse. Biases are never regularised.

`--l1 λ` and `--l2 λ` minimise `loss + λ·Σ|w|` and `loss + λ·Σw²`, the loss being a mean over
examples. For n training examples this is scikit-learn's

| here | scikit-learn |
| --- | --- |
| mean squared error, `l1` | `Lasso(alpha=l1 / 2)` |
| mean squared error, `l2` | `Ridge(alpha=n * l2)` |
| cross-entropy, `l2` | `LogisticRegression(C=1 / (2 * n * l2))` |
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

from weightdesk.training.optimizers import step_size


def soft_threshold(weight: Float[Tensor, "*shape"], threshold: float | Tensor) -> Float[Tensor, "*shape"]:
    """Move each weight towards zero by the threshold, and to exactly zero where it is not larger.

    The proximal operator of the absolute value (Daubechies, Defrise & De Mol 2004).

    Arguments:
        weight: any shape.
        threshold: one for all weights, or one for each.

    >>> soft_threshold(torch.tensor([3.0, -3.0, 0.5]), 1.0).tolist()
    [2.0, -2.0, 0.0]

    """
    return weight.sign() * (weight.abs() - threshold).clamp(min=0.0)


def limit_norm(weight: Float[Tensor, "units ..."], largest: float) -> Float[Tensor, "units ..."]:
    """Scale each unit's weights down to the largest Euclidean norm allowed (Srivastava et al. 2014).

    >>> limit_norm(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0).norm(dim=1).round(decimals=5).tolist()
    [1.0, 0.5]
    """
    return torch.renorm(weight, p=2, dim=0, maxnorm=largest)


def penalty(weights: Iterable[Tensor], l2: float) -> Float[Tensor, ""]:
    """Return λ·Σw² over all weights, to be added to the loss.

    >>> penalty([torch.tensor([[1.0, 2.0]])], 0.5).item()
    2.5
    """
    return l2 * torch.stack([weight.square().sum() for weight in weights]).sum()


def regularise(
    optimizer: Optimizer, *, l1: float = 0.0, max_norm: float | None = None, weight_decay: float = 0.0
) -> None:
    """Let the optimizer regularise its weights at the end of each of its steps.

    To be called before a recorder attaches itself: hooks run in the order of registration, and
    the recorder must see the weights as the step leaves them.

    Arguments:
        optimizer: its first parameter group holds the weights.
        l1: weight λ of the absolute values; a proximal step makes small weights exactly zero.
        max_norm: largest norm of the weights that lead into one unit.
        weight_decay: shrink weights by lr × decay, for optimizers whose own decay is not decoupled.

    >>> weight = torch.tensor([[0.05, 0.5]], requires_grad=True)
    >>> optimizer = torch.optim.SGD([weight], lr=0.1)
    >>> regularise(optimizer, l1=1.0)
    >>> weight.grad = torch.zeros(1, 2)
    >>> optimizer.step()
    >>> weight.tolist()
    [[0.0, 0.4000000059604645]]

    """
    if not (l1 or max_norm or weight_decay):
        return

    @torch.no_grad()
    def after_step(stepped: Optimizer, _args: object, _kwargs: object) -> None:
        group = stepped.param_groups[0]
        for weight in group["params"]:
            if weight_decay:
                weight.mul_(1 - float(group["lr"]) * weight_decay)
            if l1:
                # an optimizer over step_size() gives each weight a threshold of its own
                weight.copy_(soft_threshold(weight, l1 * step_size(stepped, group, weight)))
            if max_norm:
                weight.copy_(limit_norm(weight, max_norm))

    optimizer.register_step_post_hook(after_step)
