"""What an optimizer's rule is given, and what it tells.

Shares are float64. Only running sums, such as the second moment, are computed in the parameter's own
dtype and with torch's own operations, as the optimizer does: their rounding belongs to the scaling
that it really applied, and the variance of a centred RMSprop can lose all its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import mul
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Float64
from torch import Tensor

Factors: TypeAlias = Mapping[str, float | Tensor]
"""By symbol: one number for all weights, or one for each."""

Weights: TypeAlias = Float[Tensor, " weights"]


@dataclass(frozen=True, eq=False)
class OptimizerStep:
    """What one optimizer step starts from, for any number of weights of one parameter.

    Attributes:
        weight: before the step, in the parameter's dtype.
        gradient: as the optimizer saw it; None where there was none.
        state: what the optimizer remembered, by its own keys; empty before its first step.
        options: of the parameter's group.
        backward_gradient: as backward left it, without the loss scale; None where it is not known.

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 0.5), {},
    ...     {"weight_decay": 0.25, "maximize": True})
    >>> start.direction
    tensor([-0.2500])
    """

    weight: Weights
    gradient: Weights | None
    state: Mapping[str, Tensor]
    options: Mapping[str, Any]
    backward_gradient: Weights | None = None

    @property
    def direction(self) -> Weights:
        """What is descended, rounded as the optimizer does: turned to maximise, with the coupled decay."""
        assert self.gradient is not None
        signed = -self.gradient if self.options.get("maximize") else self.gradient
        return signed.add(self.weight, alpha=self.coupled_decay) if self.coupled_decay else signed

    @property
    def coupled_decay(self) -> float:
        """Strength of the decay that is added to the gradient."""
        return 0.0 if self.options.get("decoupled_weight_decay") else self.options.get("weight_decay", 0.0)

    def mean(self, key: str, decay: float) -> Weights:
        """A running mean of the direction after the step, rounded as the optimizer does."""
        return self.moment(key).lerp(self.direction, 1 - decay)

    @property
    def unrounded_direction(self) -> Float64[Tensor, " weights"]:
        """The direction without its rounding, in float64."""
        assert self.gradient is not None
        sign = -1.0 if self.options.get("maximize") else 1.0
        return sign * self.gradient.double() + self.rounded(self.coupled_decay) * self.weight.double()

    def mean_rounding(self, key: str, decay: float) -> Float64[Tensor, " weights"]:
        """How far a running mean is off the one that its numbers give without rounding."""
        taken, before = self.rounded(1 - decay), self.moment(key).double()
        return self.mean(key, decay).double() - (1 - taken) * before - taken * self.unrounded_direction

    def mean_square(self, key: str, decay: float) -> Weights:
        """A running mean of its square, likewise."""
        return self.moment(key).mul(decay).addcmul(self.direction, self.direction, value=1 - decay)

    @property
    def shrink(self) -> Factors:
        """Factors of the decay that is not: it takes lr × λ of the weight, whatever the gradient."""
        decay = self.options.get("weight_decay", 0.0) - self.coupled_decay
        return {"−lr": -self.options["lr"], "λ": decay, "w": self.weight} if decay else {}

    def rounded(self, number: float) -> float:
        """A number as the kernels that work on this parameter take it."""
        wide = self.weight.dtype == torch.float64
        return torch.tensor(number, dtype=torch.float64 if wide else torch.float32).item()

    def with_lr(self, factor: float) -> float:
        """A factor that a kernel takes together with lr, as one rounded number."""
        lr: float = self.options["lr"]
        return self.rounded(lr * factor) / lr if lr else factor

    @property
    def count(self) -> Any:
        """Number of this step from 1: a tensor where the optimizer computes with one, which is less exact."""
        count = self.state.get("step", torch.zeros(())) + 1
        return count if self.options.get("capturable") else float(count)

    @property
    def foreach(self) -> bool:
        """Whether the optimizer took all parameters at once, which rounds in another order."""
        return bool(self.options.get("foreach"))

    def moment(self, key: str) -> Weights:
        """One running sum before the step: zero where it has not begun."""
        return self.state[key] if key in self.state else torch.zeros_like(self.weight)


@dataclass(frozen=True, eq=False)
class Split:
    """How a step turned gradients into a move.

    Attributes:
        per_gradient: factors that every gradient of this step was multiplied with.
        memory: factors whose product is the share of earlier gradients; empty where none are remembered.
        shrink: factors whose product is the decoupled decay.
        rounding: factors whose product is what the optimizer's rounding of its memory, known bit by bit,
            adds to the move.
        state: what the optimizer remembers after the step, without the count of steps.
    """

    per_gradient: Factors
    memory: Factors = field(default_factory=dict)
    shrink: Factors = field(default_factory=dict)
    rounding: Factors = field(default_factory=dict)
    state: Mapping[str, Tensor] = field(default_factory=dict)


Rule: TypeAlias = Callable[[OptimizerStep], Split]


@dataclass(frozen=True, eq=False)
class Term:
    """One share of a move, as a product.

    >>> Term("gradient", {"−lr": -0.5, "g": torch.tensor([0.25])}).value
    tensor([-0.1250], dtype=torch.float64)
    """

    name: str
    factors: Factors

    @property
    def value(self) -> Float64[Tensor, " weights"]:
        """The product, in float64."""
        numbers = [torch.as_tensor(each, dtype=torch.float64) for each in self.factors.values()]
        return reduce(mul, numbers)


def terms_of(step: OptimizerStep, split: Split, l2: float = 0.0) -> list[Term]:
    """The shares that add up to the move of an optimizer.

    Arguments:
        step: what the step started from.
        split: what its rule says.
        l2: weight λ of Σw² in the loss; its gradient 2λw is taken out of the recorded one.

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 0.75), {}, {})
    >>> [(term.name, term.value.item()) for term in terms_of(start, Split({"−lr": -1.0}), l2=0.25)]
    [('gradient', -0.25), ('L2 in the loss', -0.5)]

    What was taken from the gradient before the step is a share, too:

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 0.75), {}, {}, torch.full((1,), 2.0))
    >>> [(term.name, term.value.item()) for term in terms_of(start, Split({"−lr": -1.0}))]
    [('gradient', -2.0), ('clipping', 1.25)]
    """
    if step.gradient is None:
        return []
    weight, seen = step.weight.double(), step.gradient.double()
    gradient = seen if step.backward_gradient is None else step.backward_gradient.double()
    sign: Factors = {"(−1 to maximise)": -1.0} if step.options.get("maximize") else {}
    terms = [Term("gradient", {**split.per_gradient, **sign, "g": gradient - 2 * l2 * weight})]
    if l2:
        terms.append(Term("L2 in the loss", {**split.per_gradient, **sign, "2λ₂": 2 * l2, "w": weight}))
    if (gradient != seen).any():
        terms.append(Term("clipping", {**split.per_gradient, **sign, "(g seen − g)": seen - gradient}))
    if step.coupled_decay:
        terms.append(
            Term("weight decay", {**split.per_gradient, "λ": step.rounded(step.coupled_decay), "w": weight})
        )
    if split.memory:
        terms.append(Term("earlier gradients", split.memory))
    if split.shrink:
        terms.append(Term("decoupled weight decay", split.shrink))
    if split.rounding:
        terms.append(Term("rounding of the memory", split.rounding))
    return terms
