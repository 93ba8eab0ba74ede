"""What a network does to a signal before its first step: forward and backward, layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from jaxtyping import Num
from torch import Tensor, nn

from weightdesk.training.compare.theory import Law, predict
from weightdesk.training.objective import Objective

_SUMMING: Final = (nn.Linear, nn.Conv1d, nn.Conv2d)
_PLAIN: Final = (
    *_SUMMING, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.GELU,
    nn.Flatten, nn.Dropout, nn.MaxPool1d, nn.MaxPool2d,
)  # fmt: skip


@dataclass(frozen=True)
class LayerSignal:
    """One layer at step 0.

    Attributes:
        layer: its name.
        forward: standard deviation of its weighted sums z, over examples, units and places.
        forward_theory: what theory expects of it; not a number where the theory does not hold.
        backward: standard deviation of the gradient of an example's loss with respect to z.
        backward_theory: what theory expects of it, going back from the last layer.
        factor: by which theory multiplies the variance of z from the layer before to this one.
        gradient: norm of the gradient of its weights.
        alike: whether all its units have the same weights and get the same gradient.
    """

    layer: str
    forward: float
    forward_theory: float
    backward: float
    backward_theory: float
    factor: float
    gradient: float
    alike: bool


def signals(
    model: nn.Module, objective: Objective, inputs: Num[Tensor, "batch ..."], targets: Tensor, activation: str
) -> tuple[LayerSignal, ...]:
    """Send a batch through a copy of a network and back, in evaluation mode.

    Arguments:
        model: stays as it is.
        objective: whose loss is sent back.
        inputs: examples on axis 0.
        targets: of these examples.
        activation: name of the activation between the layers.

    Returns:
        The linear layers and convolutions, in the order in which they run. Theory is given for layers in a
        plain row; pooling and biases are not in it.

    >>> net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 2))
    >>> _ = nn.init.kaiming_normal_(net[0].weight), nn.init.kaiming_normal_(net[2].weight)
    >>> found = signals(net, Objective("classification"), torch.randn(99, 64), torch.arange(99) % 2, "relu")
    >>> [each.layer for each in found], 0.5 < found[0].forward / found[0].forward_theory < 2
    (['0', '2'], True)
    """
    probe = copy.deepcopy(model).eval()
    with torch.enable_grad(), _heard(probe) as heard:
        objective.loss(probe(inputs), targets).backward()  # type: ignore[no-untyped-call]
    layers = [each for each in heard if each.z.grad is not None]
    is_plain = isinstance(model, nn.Sequential) and all(isinstance(each, _PLAIN) for each in model)
    backward = [_spread(each.z.grad) * len(inputs) for each in layers]
    laws = [Law.of(each.module, activation) for each in layers]
    expected = predict(laws, _power(layers[0].given), backward[-1]) if is_plain and layers else None
    nothing = [float("nan")] * len(layers)
    forward_theory, backward_theory, factors = expected or (nothing, nothing, nothing)
    return tuple(
        LayerSignal(
            each.name, _spread(each.z), forward_theory[place], backward[place], backward_theory[place],
            factors[place], _norm(each.module.weight.grad), _is_alike(each.module),
        )
        for place, each in enumerate(layers)
    )  # fmt: skip


@dataclass
class _Heard:
    name: str
    module: Any
    given: Tensor
    z: Tensor = field(default_factory=lambda: torch.empty(0))


@contextmanager
def _heard(model: nn.Module) -> Iterator[list[_Heard]]:
    """Keep what each summing layer is given and gives, in the order in which they run."""
    heard: list[_Heard] = []

    def hook(name: str) -> Any:
        def keep(module: nn.Module, given: tuple[Tensor, ...], z: Tensor) -> None:
            z.retain_grad()
            heard.append(_Heard(name, module, given[0].detach(), z))

        return keep

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in model.named_modules()
        if isinstance(module, _SUMMING)
    ]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _spread(values: Tensor | None) -> float:
    return float("nan") if values is None else float(values.detach().double().std(correction=0))


def _power(values: Tensor) -> float:
    return float(values.double().square().mean())


def _norm(values: Tensor | None) -> float:
    return 0.0 if values is None else float(values.double().norm())


def _is_alike(module: nn.Linear) -> bool:
    weight, gradient = module.weight.detach(), module.weight.grad
    if gradient is None or len(weight) < 2:
        return False
    same = [bool((each == each[:1]).all()) for each in (weight, gradient)]
    return all(same)
