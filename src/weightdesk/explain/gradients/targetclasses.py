"""What the tokens of each target class add to a gradient, where every token has a target of its own.

∂L/∂w = Σ ∂L/∂o × ∂o/∂w over the outputs o. What the loss sends back to the outputs of a token, it
sends for the sake of its target: the sum over the tokens of a class is that class's share.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call
from torch.utils._pytree import tree_flatten

from weightdesk.errors import OptionError
from weightdesk.explain.gradients.shares import labelled_shares, tensors_of
from weightdesk.explain.gradients.tree import Passed
from weightdesk.explain.precision import rounding
from weightdesk.explain.tracing import arguments, call, untouched
from weightdesk.explain.weight import Weight


def target_classes(passed: Passed, targets: Any, weight: Weight, gradient: float) -> dict[int, float]:
    """What the tokens of each target class add to ∂L/∂w; the classes sum to it.

    It takes one forward pass with ∂o/∂w beside it and the loss's own backward pass, whatever the number
    of classes. Where an operation has no such derivative, the network is differentiated twice backward.

    Arguments:
        passed: the pass that is explained.
        targets: the class of each token, or of each example.
        weight: the weight.
        gradient: its gradient.

    Raises:
        OptionError: the targets are no classes of the outputs, or the model has changed.
    """
    try:
        classes, shares = _forward(passed, targets, weight)
    except RuntimeError:  # no derivative in forward mode
        classes, shares = _backward(passed, targets, weight, gradient)
    if abs(shares.sum().item() - gradient) > rounding(shares.abs().sum().item(), weight.parameter.dtype):
        raise OptionError(
            "the classes do not sum to the gradient: the model has changed since it was explained, or the "
            "loss depends on the weight otherwise than through the outputs; call explain_gradient again"
        )
    return dict(zip(classes.tolist(), shares.tolist(), strict=True))


def classes_of(sent: Float[Tensor, "*outputs"], targets: Any) -> Int64[Tensor, ...] | None:
    """The target class of each token, with size 1 on the axis of the classes; None where it is not certain.

    Which axis counts the classes, and whether targets are shifted against the outputs, is seen from
    what the loss sends back: of all outputs of a token it raises that of the target most.

    Arguments:
        sent: ∂L/∂o.
        targets: the class of each token.

    >>> classes_of(torch.tensor([[0.2, -0.5, 0.3], [-0.1, 0.1, 0.0]]), torch.tensor([1, 0]))
    tensor([[1],
            [0]])
    >>> classes_of(torch.tensor([[0.2, -0.5, 0.3], [-0.1, 0.1, 0.0]]), torch.tensor([0, 1]))
    """
    if not isinstance(targets, Tensor) or targets.is_floating_point():
        return None
    for axis in range(sent.ndim):
        by_class = sent.movedim(axis, -1)
        if by_class.shape[:-1].numel() == targets.numel():
            known = targets.to(sent.device).reshape(by_class.shape[:-1])
            if _raises_most(by_class, known):
                return known.unsqueeze(axis)
    return None


def _raises_most(sent: Tensor, targets: Tensor) -> bool:
    """Whether the loss raises no output of a token more than that of its target."""
    silent = (sent == 0).all(dim=-1)  # left out of the loss, or learned to the last bit
    inside = (targets >= 0) & (targets < sent.shape[-1])
    own = sent.gather(-1, torch.where(inside, targets, 0).long().unsqueeze(-1)).squeeze(-1)
    return bool(((inside & (own == sent.amin(dim=-1))) | silent).all() and not silent.all())


def _forward(passed: Passed, targets: Any, weight: Weight) -> tuple[Tensor, Tensor]:
    """The classes and their shares, from a forward pass that carries ∂o/∂w along."""
    with untouched(passed.model, passed.seed):
        with torch.no_grad(), forward_ad.dual_level():
            moved = {weight.name: _moving(weight)}
            outputs = functional_call(passed.model, moved, *arguments(passed.batch.inputs))
            leaves, structure = tree_flatten(outputs)
            pairs = {
                i: forward_ad.unpack_dual(leaf)  # type: ignore[no-untyped-call]
                for i, leaf in enumerate(leaves)
                if isinstance(leaf, Tensor)
            }
        changes = {i: pair.tangent for i, pair in pairs.items() if pair.tangent is not None}
        for i in changes:
            leaves[i] = pairs[i].primal.detach().requires_grad_()
        value = passed.judge(structure.unflatten(leaves))
        at, sent, classes, labels = _labelled(value, [leaves[i] for i in changes], targets)
    change = list(changes.values())[at]
    summed = (sent.double() * change.double()).sum_to_size(labels.shape).cpu()
    shares = torch.zeros(len(classes), dtype=torch.float64)
    return classes, shares.index_add_(0, labels.reshape(-1), summed.reshape(-1))


def _moving(weight: Weight) -> Tensor:
    """The parameter, with the derivative of each of its elements by the weight beside it."""
    tangent = torch.zeros_like(weight.parameter)
    tangent[weight.index] = 1.0
    with warnings.catch_warnings():  # torch's own, at the first call
        warnings.simplefilter("ignore", DeprecationWarning)
        return forward_ad.make_dual(weight.parameter.detach(), tangent)  # type: ignore[no-untyped-call,no-any-return]


def _backward(passed: Passed, targets: Any, weight: Weight, gradient: float) -> tuple[Tensor, Tensor]:
    """The same from a pass that can be differentiated backward."""
    with untouched(passed.model, passed.seed):
        outputs = call(passed.model, passed.batch.inputs)
        results = tensors_of(outputs)
        at, sent, classes, labels = _labelled(passed.judge(outputs), results, targets)
        return classes, labelled_shares([results[at]], [sent], [labels], len(classes), weight, gradient)


def _labelled(
    value: Tensor, results: list[Tensor], targets: Any
) -> tuple[int, Tensor, Tensor, Int64[Tensor, ...]]:
    """Which of the outputs the loss reads, ∂L/∂o, the classes, and the number of each entry's class."""
    sent = torch.autograd.grad(value, results, retain_graph=True, allow_unused=True) if results else ()
    used = [(at, back) for at, back in enumerate(sent) if back is not None]
    found = classes_of(used[0][1], targets) if len(used) == 1 else None
    if found is None:
        raise OptionError(
            "the targets are not one class for each token of one tensor of outputs, or the loss does not "
            "raise the output of the target most, as cross entropy does; see .examples, .contributions"
        )
    classes, labels = torch.unique(found.cpu(), return_inverse=True)
    return *used[0], classes, labels
