"""What a built-in training does to its weights after each step of the optimizer, in parts.

Decay that the optimizer does not decouple itself, the proximal step of L1, and the largest norm of a
unit act in this order, on weights of two or more dimensions; the recipe has their strengths. The
recorded update contains them, since they run before the recorder looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from weightdesk.explain.updates.optimizers.rule import Term

Weights = Float64[Tensor, " weights"]


def regularisation_terms(
    recipe: Mapping[str, Any], options: Mapping[str, Any], state: Mapping[str, Tensor], weight: Weights
) -> list[Term]:
    """The moves that follow the optimizer's own, for the weights of one unit.

    Arguments:
        recipe: the run's recipe.
        options: of the parameter's group.
        state: what the optimizer remembers after its step.
        weight: where the optimizer left the weights; with a largest norm, all weights of the unit.

    >>> terms = regularisation_terms({"l1": 0.5}, {"lr": 0.5}, {}, torch.tensor([2.0, 0.125]).double())
    >>> [(term.name, term.value.tolist()) for term in terms]
    [('proximal L1', [-0.25, -0.125])]
    """
    terms: list[Term] = []

    def add(term: Term) -> None:
        nonlocal weight
        terms.append(term)
        weight = weight + term.value

    if (decay := recipe.get("weight_decay")) and not options.get("weight_decay"):
        add(Term("decoupled weight decay", {"−lr": -options["lr"], "λ": decay, "w after the step": weight}))
    if l1 := recipe.get("l1"):
        add(_soft_threshold(weight, l1, _step_size(options, state)))
    if largest := recipe.get("max_norm"):
        norm = float(weight.norm())
        if norm > largest:
            # torch.renorm adds 1e-7 to the norm, lest it divides by zero
            add(
                Term(
                    "largest norm",
                    {"(largest/norm − 1)": largest / (norm + 1e-7) - 1, "w after the step": weight},
                )
            )
    return terms


def _soft_threshold(weight: Weights, l1: float, step_size: float | Tensor) -> Term:
    """A move of λ steps towards zero, or all the way where it is shorter."""
    threshold = torch.as_tensor(l1 * step_size, dtype=torch.float64)
    share = torch.where(weight.abs() < threshold, weight.abs() / threshold, 1.0)
    return Term(
        "proximal L1",
        {"−sign(w)": -weight.sign(), "λ₁": l1, "step size": step_size, "min(|w|/(λ₁·step), 1)": share},
    )


def _step_size(options: Mapping[str, Any], state: Mapping[str, Tensor]) -> float | Float[Tensor, " weights"]:
    """How far a steady gradient of 1 moves a weight in a step: the length that the proximal step uses."""
    lr = options["lr"]
    if "exp_avg_sq" in state:
        unbiased = state["exp_avg_sq"] / (1 - options["betas"][1] ** float(state["step"]))
        return torch.as_tensor(lr / (unbiased.sqrt() + options["eps"]))
    if "square_avg" in state:
        return torch.as_tensor(lr / (state["square_avg"].sqrt() + options["eps"]))
    return float(lr / (1 - options.get("momentum", 0.0)))
