"""Explain the gradient of one weight: run the network, send the loss back by hand, gather the summands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.utils._pytree import tree_map

from weightdesk.errors import OptionError
from weightdesk.explain.batch import Batch, batch_of
from weightdesk.explain.compiled import uncompiled
from weightdesk.explain.gradients.backward import backpropagate
from weightdesk.explain.gradients.broadcast import repeats
from weightdesk.explain.gradients.chain import Chain
from weightdesk.explain.gradients.contributions import Contributions, Use, contributions, without_factors
from weightdesk.explain.gradients.pushes import is_opaque
from weightdesk.explain.gradients.reasons import GradientReasons
from weightdesk.explain.gradients.shares import example_shares, tensors_of
from weightdesk.explain.gradients.targetclasses import target_classes
from weightdesk.explain.gradients.tree import Judge, Passed, Tree
from weightdesk.explain.layout import Layout, layout_of
from weightdesk.explain.loss import Loss, evaluate
from weightdesk.explain.precision import rounding
from weightdesk.explain.tracing import Trace, trace, untouched
from weightdesk.explain.weight import Weight, find_weight
from weightdesk.types import ParameterName


def explain_gradient(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss,
    name: ParameterName,
    index: SupportsIndex | Iterable[SupportsIndex],
    *,
    batch_dim: int | None = 0,
    seed: int | Tensor = 0,
) -> GradientReasons:
    """Explain the gradient of one weight for one batch: which examples push it, through what.

    The model is run as it is, in training or evaluation, and nothing in it changes. Where batch norm
    in training ties the examples together, an example's part is what flows through its own numbers.
    It takes one forward and one backward pass and little beyond: one number for each summand is kept,
    and the outputs. Opening the tree (`delta`, `paths`) runs the pass again for the examples looked at,
    or for the whole batch where others have a say in them, and then keeps about four times the
    activations of these: three copies of each operation's result, and its δ.

    Arguments:
        model: any module.
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments.
        targets: passed on to the loss.
        loss: a function of outputs and targets that gives a scalar, such as `functional.cross_entropy`.
        name: name of the parameter.
        index: place of the weight in it.
        batch_dim: the axis of the inputs on which the examples lie; None if they are a single one.
        seed: of dropout, or a state of torch's random numbers.

    Raises:
        UnknownParameterError: the model has no such parameter.
        IndexRangeError: the index lies outside of it.
        OptionError: the loss is no scalar or does not depend on the parameter in this forward pass.

    Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.

    >>> model = nn.Sequential(nn.Linear(2, 1, bias=False))
    >>> inputs, targets = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.zeros(2, 1)
    >>> reasons = explain_gradient(model, inputs, targets, nn.functional.l1_loss, "0.weight", (0, 0))
    >>> reasons.contributions.x, abs(reasons.gradient)
    (tensor([3., 1.], dtype=torch.float64), 2.0)
    """
    model = uncompiled(model)
    weight, batch = find_weight(model, name, index), batch_of(inputs, batch_dim)
    with untouched(model, seed):
        passed = trace(model, inputs)
        value = evaluate(loss, passed.outputs, targets)
        alone = _first_example(model, batch, passed)
        numbers = _numbers(passed, model, weight)
        opaque = not numbers or any(is_opaque(passed.stations[number], weight) for number in numbers)
        autograd, uses = _sent_back(passed, alone, value, batch, weight, numbers)
        summands = contributions([] if opaque else uses, weight)
        shares = None if opaque else _shared_out(summands, uses, batch, weight, autograd)
        if shares is None:
            single = alone.outputs if alone else None
            shares = example_shares(passed.outputs, single, value, batch, weight, autograd)
    examples = torch.full((batch.size,), torch.nan, dtype=torch.float64) if shares is None else shares
    if opaque:
        known = torch.tensor([autograd], dtype=torch.float64) if shares is None else shares
        summands = without_factors(known, by_sample=shares is not None)
    kind = "unknown" if opaque else passed.stations[numbers[0]].operation.kind
    again = _again(model, batch, passed, alone, partial(evaluate, loss, targets=targets), seed)
    functions = sorted({passed.stations[number].operation.function for number in numbers}) if opaque else []
    return GradientReasons(
        weight.name, weight.index, kind, value.item(), autograd, summands, examples,
        _by_class(examples, targets), _note(weight, summands, examples, autograd, functions),
        None if opaque else Tree(summands, again, partial(_whole, again, numbers[0])),
        partial(target_classes, again, targets, weight, autograd),
    )  # fmt: skip


def _first_example(model: nn.Module, batch: Batch, passed: Trace) -> Trace | None:
    """The pass of the first example alone; None where it fails, or takes another way."""
    try:
        alone = trace(model, batch.first())
    except (RuntimeError, ValueError, IndexError):  # batch norm in training wants more than one example
        return None
    return alone if len(alone.stations) == len(passed.stations) else None


def _numbers(passed: Trace, model: nn.Module, weight: Weight) -> list[int]:
    """The numbers of the stations that use the weight's parameter, under whichever name."""
    names = {name for name, each in model.named_parameters() if weight.shares_storage(each)}
    return [
        number
        for number, station in enumerate(passed.stations)
        if any(role.name in names for role in station.roles)
    ]


def _sent_back(
    passed: Trace, alone: Trace | None, value: Tensor, batch: Batch, weight: Weight, numbers: list[int]
) -> tuple[float, list[Use]]:
    """What autograd gives for the weight, and δ of the stations that use it, from one pass backward."""
    layouts = _layouts(passed, alone, batch)
    repeated = {
        number: repeats(passed, alone, number, batch.size)
        for number in numbers
        if layouts[number].axis is None and batch.size > 1
    }
    wanted = [get_gradient_edge(weight.parameter), *(passed.stations[number].edge for number in numbers)]
    wanted += [each.edge for found in repeated.values() for each in found]
    gradients: Sequence[Tensor | None] = [None]
    if value.requires_grad:
        gradients = torch.autograd.grad(value, wanted, retain_graph=True, allow_unused=True)  # type: ignore[arg-type]
    if gradients[0] is None:
        raise OptionError(
            f"{weight.name} is not used in this forward pass, or not for what the loss depends on"
        )
    apart = iter(gradients[1 + len(numbers) :])
    uses = []
    for number, delta in zip(numbers, gradients[1:], strict=False):
        station = passed.stations[number]
        delta = torch.zeros_like(station.result) if delta is None else delta
        parts = [(each, next(apart)) for each in repeated.get(number, ())]
        found = [each.by_example(part) for each, part in parts if part is not None]
        by_example = torch.stack(found).sum(0) if found else None
        uses.append(Use(number, station, layouts[number], delta, by_example))
    return weight.element(gradients[0]), uses


def _shared_out(
    summands: Contributions, uses: list[Use], batch: Batch, weight: Weight, autograd: float
) -> Tensor | None:
    """What each example adds; None where what all share cannot be told apart by the use made of it."""
    sums = summands.shared_out(uses, batch.size)
    if sums is None or not bool((summands.sample < 0).any()):
        return sums
    size = rounding(sums.abs().sum().item(), weight.parameter.dtype)
    return sums if abs(sums.sum().item() - autograd) <= size else None


def _layouts(passed: Trace, alone: Trace | None, batch: Batch) -> list[Layout]:
    firsts = [None] * len(passed.stations) if alone is None else [each.result for each in alone.stations]
    return [
        layout_of(station.result, one, batch) for station, one in zip(passed.stations, firsts, strict=True)
    ]


def _again(
    model: nn.Module, batch: Batch, passed: Trace, alone: Trace | None, judge: Judge, seed: int | Tensor
) -> Passed:
    """What is kept of a pass, to have it again."""
    results, singles = tensors_of(passed.outputs), tensors_of(alone.outputs if alone else None)
    outputs = tree_map(lambda each: each.detach() if isinstance(each, Tensor) else each, passed.outputs)
    laid = [layout_of(*pair, batch) for pair in zip(results, singles, strict=False)]
    return Passed(model, batch, outputs, judge, seed, _layouts(passed, alone, batch), laid)


def _whole(again: Passed, first: int) -> Chain:
    """The same pass once more, cut at its stations."""
    with untouched(again.model, again.seed):
        passed = trace(again.model, again.batch.inputs, cut=True)
        value = again.judge(passed.outputs)
    return Chain(backpropagate(passed, value, first), again.stations)


def _note(
    weight: Weight, summands: Contributions, examples: Tensor, autograd: float, functions: list[str]
) -> str:
    found = ["a negative product pushes the weight up"]
    if bool((summands.station < 0).any()):
        found.append(f"no factors at hand: used by {', '.join(functions) or 'an operation that is not seen'}")
    if bool(examples.isnan().any()):
        found.append("the examples cannot be told apart")
    size = rounding(summands.product.abs().sum().item(), weight.parameter.dtype)
    if abs(autograd - summands.product.sum().item()) > size:
        found.append("the remainder is more than rounding: the weight has uses that are not seen")
    return "; ".join(found)


def _by_class(examples: Tensor, targets: Any) -> dict[int, float] | None:
    if not isinstance(targets, Tensor) or targets.is_floating_point() or targets.shape != examples.shape:
        return None
    classes, which = torch.unique(targets.cpu(), return_inverse=True)
    sums = torch.zeros(len(classes), dtype=torch.float64).index_add_(0, which, examples)
    return dict(zip(classes.tolist(), sums.tolist(), strict=True))
