"""`importance`: checks what was asked, chooses the way to compute it, and gathers the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from weightdesk.errors import DataError, OptionError, closest
from weightdesk.explain.importance.ablation import Ablation, ablate
from weightdesk.explain.importance.groups import Groups, make_groups
from weightdesk.explain.importance.probe import Probe, make_probe
from weightdesk.explain.importance.result import Importance
from weightdesk.explain.importance.screening import fisher, gradient, magnitude, movement, taylor
from weightdesk.explain.loss import Loss
from weightdesk.explain.parameter import first_name
from weightdesk.explain.tracing import call, trace, untouched
from weightdesk.types import ParameterName

_NOTES: Final = {
    "magnitude": "size of the weights, summed over a group; says nothing about the loss",
    "gradient": "size of the gradient, summed over a group",
    "taylor": "estimated change of the loss, from derivatives",
    "fisher": "estimated rise of the loss, half the squared weight times the empirical Fisher information",
    "movement": "half the growth of the squared weight since the start",
}


def importance(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss,
    name: ParameterName,
    method: str = "ablation",
    *,
    level: str = "weight",
    groups: Tensor | Sequence[Any] | None = None,
    seconds: float | None = None,
    start: Tensor | None = None,
    order: int = 1,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Importance:
    """Say how much depends on each weight of a parameter.

    `ablation` is exact: the loss over the probe set with this one weight zero, minus the loss as it is.
    For a linear layer with one row an example it is read off tables of the examples' losses, with the
    error measured; otherwise the part of the network that the weight reaches is run again. `auto` does
    so for the weights with the largest first-order estimates until the time is over. The others are
    estimates: `magnitude`, `gradient`, `taylor` (of first or second order), `fisher`, `movement`.

    The model, its buffers and torch's random numbers stay as they are. It runs in the mode that it is in:
    dropout takes the same mask, that of the seed, in every pass. Where examples cannot be told apart
    (dropout or batch normalisation in training mode, a loss that joins them) every weight takes a forward
    pass of the whole set; the result's `engine` says so.

    The model is run on all examples at once, and what its layers gave is kept: about four times the
    activations of one forward pass. Everything else is done in stacks of 2 MB a result, or of one
    example where that is larger.

    Arguments:
        model: any module; one wrapped by `torch.compile` runs uncompiled.
        inputs: the probe set: a tensor, a tuple of positional or a mapping of keyword arguments.
        targets: what the loss compares the outputs with.
        loss: takes outputs and targets, gives a scalar.
        name: which parameter.
        method: `ablation`, `auto`, `magnitude`, `gradient`, `taylor`, `fisher` or `movement`.
        level: what is zeroed together: `weight`, `unit` (all weights with the same first index), `kernel`
            (the same first two) or `group`.
        groups: for `group`: a tensor of group numbers of the parameter's shape, −1 for none, or lists of
            index tuples.
        seconds: for `auto`: when to stop computing ablations; setting up and checking take about 15 forward
            passes more.
        start: for `movement`: the parameter's values before training.
        order: for `taylor`: 1 or 2.
        tolerance: for tables: the error of a change of the loss above which they are made finer.
        seed: of dropout's mask and of all samples.

    Raises:
        UnknownParameterError: the model has no such parameter.
        DataError: no examples, no targets, a loss that is no scalar, or a parameter that is not used.
        OptionError: an unknown method or level, or an option that does not go with them.
        IndexRangeError: a group holds an index outside the parameter.

    Source: ablation of single weights, Mozer & Smolensky 1989, "Skeletonization"; the estimates name theirs.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[2.0, 0.5]]))
    >>> inputs = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> result = importance(model, inputs, model(inputs).detach(), nn.functional.mse_loss, "weight")
    >>> result.values.tolist()  # the loss is 0; without a weight (2² + 0) / 2 and (0 + 1²) / 2
    [[2.0, 0.5]]

    """
    began = time.monotonic()
    _check(method, seconds, start)
    probe = make_probe(model, inputs, targets, loss, seed)
    name = first_name(probe.model, name)
    divided = make_groups(probe.weights[name], level, groups)
    with untouched(probe.model, seed):
        passed = trace(probe.model, inputs, cut=True)
    if not passed.uses(name) and not _is_used(probe, name):  # a recurrent layer uses some unseen
        raise DataError(
            f"{name} is not used in this forward pass; choose a parameter that the outputs depend on"
        )
    with probe.running():
        baseline = probe.total()
        if method in ("ablation", "auto"):
            estimates = divided.summed(taylor(probe, name)).flatten() if method == "auto" else None
            found = ablate(probe, name, divided, passed, estimates, seconds, tolerance)
        else:
            found = _screened(probe, name, divided, method, start, order)
    return Importance(
        name, method, level, found.values.reshape(divided.shape), found.exact.reshape(divided.shape),
        found.error, found.bound, baseline, found.engine, found.note, time.monotonic() - began,
        probe, divided,
    )  # fmt: skip


def _check(method: str, seconds: float | None, start: Tensor | None) -> None:
    methods = ("ablation", "auto", *_NOTES)
    if method not in methods:
        raise OptionError(f"method {method!r} is unknown; {closest(method, methods)}")
    if seconds is not None and (method != "auto" or not seconds > 0):
        raise OptionError(f"seconds= goes with method='auto' and is positive, got {seconds} with {method!r}")
    if start is not None and method != "movement":
        raise OptionError(f"start= goes with method='movement', got it with {method!r}")


def _is_used(probe: Probe, name: str) -> bool:
    with untouched(probe.model, probe.seed):
        value = probe.loss(call(probe.model, probe.batch.inputs), probe.targets)
        (found,) = torch.autograd.grad(value, probe.model.get_parameter(name), allow_unused=True)
    return found is not None


def _screened(
    probe: Probe, name: str, groups: Groups, method: str, start: Tensor | None, order: int
) -> Ablation:
    ways = {
        "magnitude": lambda: magnitude(probe, name),
        "gradient": lambda: gradient(probe, name),
        "taylor": lambda: taylor(probe, name, order),
        "fisher": lambda: fisher(probe, name),
        "movement": lambda: movement(probe, name, start),
    }
    values = groups.summed(ways[method]()).flatten()
    note = _NOTES[method]
    if method == "taylor":
        note += (
            " of first order"
            if order == 1
            else " up to second order (Hessian diagonal by Hutchinson, 32 vectors)"
        )
    return Ablation(
        values, torch.zeros(len(values), dtype=torch.bool), torch.nan, torch.nan, "one pass", note
    )
