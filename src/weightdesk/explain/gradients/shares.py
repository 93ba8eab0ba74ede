"""What each example adds to a gradient where no factors are at hand: through its own outputs.

∂L/∂w = Σ ∂L/∂o × ∂o/∂w over the outputs o. ∂o/∂w of one weight costs two passes backward, and the sum
over the outputs of one example is its share. The shares sum to the gradient whatever the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.utils._pytree import tree_leaves

from weightdesk.explain.batch import Batch, layout_of
from weightdesk.explain.gradients.jacobian import derivative
from weightdesk.explain.weight import Weight


def example_shares(
    outputs: Any, alone: Any, value: Float[Tensor, ""], batch: Batch, weight: Weight, gradient: float
) -> Float64[Tensor, " examples"] | None:
    """What each example adds to ∂L/∂w; None where the outputs cannot be told apart by example.

    Arguments:
        outputs: what the model returned for the batch, in the graph: any structure of tensors.
        alone: what it returned for the first example alone, None if it could not.
        value: the loss, in the same graph.
        batch: the inputs.
        weight: the weight.
        gradient: its gradient; shares that do not sum to it are computed again, one pass an example.

    >>> from weightdesk.explain.batch import batch_of
    >>> from weightdesk.explain.weight import find_weight
    >>> layer, inputs = torch.nn.Linear(1, 1), torch.tensor([[1.0], [3.0]])
    >>> outputs, weight = layer(inputs), find_weight(layer, "weight", (0, 0))
    >>> example_shares(outputs, None, outputs.sum(), batch_of(inputs), weight, 4.0)
    tensor([1., 3.], dtype=torch.float64)
    """
    results, singles = tensors_of(outputs), tensors_of(alone)
    firsts = singles if len(singles) == len(results) else [None] * len(results)
    layouts = [layout_of(each, first, batch) for each, first in zip(results, firsts, strict=True)]
    if not results or (batch.size > 1 and any(layout.axis is None for layout in layouts)):
        return None
    sent = torch.autograd.grad(value, results, retain_graph=True, allow_unused=True, materialize_grads=True)
    samples = [
        layout.samples(torch.arange(each.numel())) for layout, each in zip(layouts, results, strict=True)
    ]
    try:
        changes = [derivative(each, weight.parameter, weight.position) for each in results]
        shares = torch.zeros(batch.size, dtype=torch.float64)
        for sample, back, change in zip(samples, sent, changes, strict=True):
            shares.index_add_(0, sample, (back.double() * change.double()).reshape(-1).cpu())
        eps = torch.finfo(weight.parameter.dtype).eps
        if abs(shares.sum().item() - gradient) <= 1000 * eps * shares.abs().sum().item():
            return shares
    except RuntimeError:  # no second derivative
        pass
    return _one_by_one(results, sent, samples, weight, batch.size)


def tensors_of(outputs: Any) -> list[Tensor]:
    """The tensors of a model's outputs through which a gradient can flow.

    >>> tensors_of({"logits": torch.ones(2, requires_grad=True), "tokens": torch.ones(2)})
    [tensor([1., 1.], requires_grad=True)]
    """
    return [each for each in tree_leaves(outputs) if isinstance(each, Tensor) and each.requires_grad]


def _one_by_one(
    results: list[Tensor], sent: Sequence[Tensor], samples: list[Tensor], weight: Weight, size: int
) -> Tensor:
    shares = torch.zeros(size, dtype=torch.float64)
    for example in range(size):
        chosen = [
            back * (sample == example).view(back.shape).to(back.device)
            for back, sample in zip(sent, samples, strict=True)
        ]
        (gradient,) = torch.autograd.grad(
            results, weight.parameter, chosen, retain_graph=True, allow_unused=True
        )
        shares[example] = weight.element(gradient)
    return shares
