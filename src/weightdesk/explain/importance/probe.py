"""The probe set with its model and loss: what the loss is with some weights changed.

A change of one weight can be followed example by example only where the loss of the set is the mean
or the sum of the losses of its examples. Whether it is so is tried out, not assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_leaves

from weightdesk.errors import DataError
from weightdesk.explain.batch import Batch
from weightdesk.explain.compiled import uncompiled
from weightdesk.explain.importance.examplelosses import CANDIDATES, ExampleLosses
from weightdesk.explain.loss import Loss
from weightdesk.explain.tracing import arguments, untouched

_TOLERANCE: Final = {torch.float64: 1e-9, torch.float32: 1e-4}


@dataclass(frozen=True, eq=False)
class Probe:
    """Inputs and targets on which a model is judged, with the weights that it had at the time.

    Attributes:
        model: the model, not compiled.
        weights: copies of its parameters.
        batch: the inputs, examples first.
        targets: whatever the loss compares with.
        loss: takes outputs and targets, gives a scalar.
        seed: where dropout takes its mask from.
        example_losses: the loss of each example; None where the loss, or the model, joins them.
        share: what one example's loss counts in that of the set: 1 / count for a mean.
    """

    model: nn.Module
    weights: Mapping[str, Tensor]
    batch: Batch
    targets: Any
    loss: Loss
    seed: int
    example_losses: ExampleLosses | None = None
    share: float = 1.0

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.batch.size

    @property
    def tolerance(self) -> float:
        """By how much two ways to one number may differ, relative to it, in the model's precision."""
        return _TOLERANCE.get(next(iter(self.weights.values())).dtype, 1e-2)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the model run without leaving traces, and without gradients."""
        with untouched(self.model, self.seed), torch.no_grad():
            yield

    def outputs(self, changed: Mapping[str, Tensor] | None = None, examples: Tensor | None = None) -> Any:
        """What the model returns for some examples, with some parameters changed."""
        inputs = self.batch.inputs
        positional, keywords = arguments(inputs if examples is None else self.batch.take(inputs, examples))
        torch.manual_seed(self.seed)
        return functional_call(self.model, {**self.weights, **(changed or {})}, positional, keywords)

    def total(self, changed: Mapping[str, Tensor] | None = None) -> float:
        """The loss of the whole set, summed in double precision where its examples are apart."""
        outputs = self.outputs(changed)
        if self.example_losses is None:
            return float(self.loss(outputs, self.targets))
        return float(self.example_losses(outputs, self.targets).sum(dtype=torch.float64)) * self.share

    def losses(self, outputs: Any, examples: Tensor) -> Tensor:
        """The loss of each example, given what the model returned for it."""
        assert self.example_losses is not None
        return self.example_losses(outputs, self.batch.take(self.targets, examples)).double()


def make_probe(model: nn.Module, inputs: Any, targets: Any, loss: Loss, seed: int) -> Probe:
    """Gather what a model is judged on and find out whether examples can be told apart.

    Raises:
        DataError: there is no example, there are no targets, or the loss is no scalar.
    """
    model = uncompiled(model)
    if targets is None:
        raise DataError("importance needs targets to compute the loss with, got None")
    tensors = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, Tensor) and leaf.ndim]
    if not tensors or not tensors[0].shape[0]:
        raise DataError("importance needs inputs with at least one example, got none")
    weights = {name: each.detach().clone() for name, each in model.named_parameters()}
    probe = Probe(model, weights, Batch(inputs, 0, len(tensors[0])), targets, loss, seed)
    with probe.running():
        outputs = probe.outputs()
        whole = loss(outputs, targets)
        if not isinstance(whole, Tensor) or whole.numel() != 1:
            shape = tuple(whole.shape) if isinstance(whole, Tensor) else type(whole).__name__
            raise DataError(f"the loss must be a scalar, got {shape}; take the mean or the sum over examples")
        return _told_apart(probe, outputs, float(whole))


def _told_apart(probe: Probe, outputs: Any, whole: float) -> Probe:
    """The probe with losses by example, if these agree with the loss of the set."""
    if not all(probe.batch.has_examples(each) for each in tree_leaves(outputs) if isinstance(each, Tensor)):
        return probe
    if _couples_examples(probe.model) or not _repeatable(probe, outputs):
        return probe
    for make in CANDIDATES:
        for share in (1 / probe.count, 1.0):
            try:
                apart = replace(probe, example_losses=make(probe.loss), share=share)
                agree = _agrees(apart, outputs, whole)
            except (TypeError, ValueError, RuntimeError, IndexError):
                continue  # the loss cannot be called in this way
            if agree:
                return apart
    return probe


def _couples_examples(model: nn.Module) -> bool:
    """Whether a batch normalisation takes its mean from the batch."""
    return any(
        isinstance(each, nn.modules.batchnorm._BatchNorm) and (each.training or each.running_mean is None)
        for each in model.modules()
    )


def _repeatable(probe: Probe, outputs: Any) -> bool:
    """Whether nothing in the forward pass is drawn at random."""
    again = replace(probe, seed=probe.seed + 1).outputs()
    pairs = zip(tree_leaves(outputs), tree_leaves(again), strict=True)
    return all(not isinstance(one, Tensor) or torch.equal(one, two) for one, two in pairs)


def _agrees(probe: Probe, outputs: Any, whole: float) -> bool:
    """Whether losses by example add up, and examples alone come out as they do among others."""
    every = torch.arange(probe.count)
    losses = probe.losses(outputs, every)
    if losses.shape != (probe.count,):
        return False
    some = every[probe.count // 2 :]
    alone = probe.losses(probe.outputs(examples=some), some)
    near = probe.tolerance * (float(losses.abs().max()) + probe.tolerance)
    if float((alone - losses[some]).abs().max()) > near:
        return False
    # Each output with the target of its neighbour: losses that are all 0 tell no mean from a sum.
    swapped = probe.batch.take(outputs, every.roll(1))
    pairs = [(losses, whole), (probe.losses(swapped, every), float(probe.loss(swapped, probe.targets)))]
    return all(_adds_up(probe, each, total) for each, total in pairs)


def _adds_up(probe: Probe, losses: Tensor, whole: float) -> bool:
    near = (
        probe.tolerance * (float(losses.abs().max()) + probe.tolerance) * max(1.0, probe.share * probe.count)
    )
    return abs(float(losses.sum()) * probe.share - whole) <= near
