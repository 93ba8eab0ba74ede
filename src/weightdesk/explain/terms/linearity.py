"""The general rule: where z is linear in a parameter, what each weight is multiplied with is ∂z/∂w.

It holds for whatever autograd can differentiate twice (`einsum`, transposed convolutions, `prelu`, a
parameter that is itself the input of a layer), and whether it holds is checked each time.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.errors import OptionError

RULE = (
    "x is the derivative of z by the weight, in which z is linear; "
    "bias is all of z that these weights have no part in"
)


def share_of_row(result: Tensor, parameter: nn.Parameter, row: int, name: str) -> Float[Tensor, ...]:
    """Σ wᵢ ∂z/∂wᵢ over one row of a parameter, for every z of a result at once.

    Raises:
        OptionError: the result is not linear in the row, or cannot be differentiated twice.

    >>> weight, x = nn.Parameter(torch.tensor([[2.0], [3.0]])), torch.tensor([[5.0]])
    >>> share_of_row(torch.einsum("bi,oi->bo", x, weight), weight, 1, "weight").tolist()
    [[0.0, 15.0]]
    """
    # The gradient is linear in what is passed back, so its own gradient is the forward derivative.
    passed = _random(result).requires_grad_()
    try:
        (gradient,) = torch.autograd.grad(result, parameter, passed, create_graph=True)
        change = _rows(gradient)[row]
        weights = _rows(parameter.detach())[row]
        (share,) = torch.autograd.grad(change, passed, weights, retain_graph=True)
        # In a random direction only what is linear has no second derivative.
        (bend,) = torch.autograd.grad(
            change, parameter, _random(weights), retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        raise OptionError(
            f"the general rule needs an operation that can be differentiated twice; torch says: {error}"
        ) from None
    if bend is not None and bend.any():
        raise OptionError(
            f"{name} is used by an operation that is not linear in it, so z is no sum of its terms; "
            "explain another parameter, such as a weight or a bias of a linear layer"
        )
    return share


def factors_of_row(z: Float[Tensor, ""], parameter: nn.Parameter, row: int) -> Float[Tensor, " terms"]:
    """What the weights of one row of a parameter are multiplied with in z, which is linear in them.

    >>> weight = nn.Parameter(torch.tensor([[2.0, 3.0]]))
    >>> factors_of_row((weight * torch.tensor([5.0, 7.0])).sum() + 1, weight, 0).tolist()
    [5.0, 7.0]
    """
    (gradient,) = torch.autograd.grad(z, parameter, retain_graph=True)
    return _rows(gradient)[row].reshape(-1)


def _rows(values: Tensor) -> Tensor:
    return values if values.ndim else values.unsqueeze(0)


def _random(like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(like.shape, generator=generator) + 0.5).to(like)
