"""What each example adds to a gradient where no factors are at hand: through its own outputs.

∂L/∂w = Σ ∂L/∂o × ∂o/∂w over the outputs o. ∂o/∂w of one weight costs two passes backward, and the sum
over the outputs of one example, or of one class of tokens, is its share. The shares sum to the
gradient whatever the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.utils._pytree import tree_leaves

from weightdesk.explain.batch import Batch
from weightdesk.explain.gradients.jacobian import derivative
from weightdesk.explain.layout import layout_of
from weightdesk.explain.precision import rounding
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
        layout.samples(torch.arange(each.numel())).view(each.shape)
        for layout, each in zip(layouts, results, strict=True)
    ]
    return labelled_shares(results, sent, samples, batch.size, weight, gradient)


def labelled_shares(
    results: Sequence[Tensor],
    sent: Sequence[Tensor],
    labels: Sequence[Int64[Tensor, ...]],
    count: int,
    weight: Weight,
    gradient: float,
) -> Float64[Tensor, " labels"]:
    """What the outputs of each label add to ∂L/∂w.

    Arguments:
        results: the tensors of the outputs, in the graph.
        sent: ∂L/∂o of each.
        labels: of the entries of each, from 0; of size 1 along axes where all have the same.
        count: number of labels.
        weight: the weight.
        gradient: its gradient; shares that do not sum to it are computed again, one pass a label.

    >>> from weightdesk.explain.weight import find_weight
    >>> layer, inputs = torch.nn.Linear(1, 1), torch.tensor([[1.0], [3.0], [4.0]])
    >>> outputs, weight = layer(inputs), find_weight(layer, "weight", (0, 0))
    >>> labelled_shares([outputs], [torch.ones(3, 1)], [torch.tensor([[0], [1], [0]])], 2, weight, 8.0)
    tensor([5., 3.], dtype=torch.float64)
    """
    shares = torch.zeros(count, dtype=torch.float64)
    try:
        for result, back, label in zip(results, sent, labels, strict=True):
            change = derivative(result, weight.parameter, weight.position)
            summed = (back.double() * change.double()).sum_to_size(label.shape)
            shares.index_add_(0, label.reshape(-1), summed.reshape(-1).cpu())
        size = rounding(shares.abs().sum().item(), weight.parameter.dtype)
        if abs(shares.sum().item() - gradient) <= size:
            return shares
    except RuntimeError:  # no second derivative
        pass
    return _one_by_one(results, sent, labels, count, weight)


def tensors_of(outputs: Any) -> list[Tensor]:
    """The tensors of a model's outputs through which a gradient can flow.

    >>> tensors_of({"logits": torch.ones(2, requires_grad=True), "tokens": torch.ones(2)})
    [tensor([1., 1.], requires_grad=True)]
    """
    return [each for each in tree_leaves(outputs) if isinstance(each, Tensor) and each.requires_grad]


def _one_by_one(
    results: Sequence[Tensor], sent: Sequence[Tensor], labels: Sequence[Tensor], count: int, weight: Weight
) -> Tensor:
    shares = torch.zeros(count, dtype=torch.float64)
    for label in range(count):
        chosen = [back * (each == label).to(back.device) for back, each in zip(sent, labels, strict=True)]
        (gradient,) = torch.autograd.grad(
            results, weight.parameter, chosen, retain_graph=True, allow_unused=True
        )
        shares[label] = weight.element(gradient)
    return shares
