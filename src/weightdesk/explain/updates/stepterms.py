"""All terms of one recorded step: the optimizer's own, then those of a built-in training's regularisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.explain.updates.optimizers import RULES, Term, terms_of
from weightdesk.explain.updates.recorded import RecordedStep, StepReader
from weightdesk.explain.updates.regularisation import regularisation_terms
from weightdesk.runs.parameters import Parameter
from weightdesk.types import Step


def recipe_for(recipe: Mapping[str, Any] | None, parameter: Parameter) -> Mapping[str, Any]:
    """What of a run's recipe regularises this parameter: nothing, for biases.

    >>> recipe_for({"l1": 0.5}, Parameter("fc.bias", (3,), "float32"))
    {}
    """
    return recipe if recipe and len(parameter.shape) > 1 else {}


def read_unit(
    reader: StepReader, parameter: Parameter, place: int, step: Step, recipe: Mapping[str, Any]
) -> tuple[RecordedStep, int]:
    """One weight in one step, with its whole unit where that has a largest norm, and its place in there.

    Arguments:
        reader: of the parameter's recorded steps.
        parameter: whose weight.
        place: its row-major place.
        step: a step that is kept in full.
        recipe: see `recipe_for`.
    """
    width = parameter.size // parameter.shape[0] if recipe.get("max_norm") else 1
    first = place // width * width
    return reader.read(step, slice(first, first + width)), place - first


def terms_of_step(
    recorded: RecordedStep, recipe: Mapping[str, Any]
) -> tuple[list[Term], Mapping[str, Tensor]]:
    """The shares of all moves in a step, and what the optimizer remembers afterwards.

    Both are empty where the optimizer's rule is not known.

    Raises:
        RunFormatError: what was recorded does not fit the rule.

    >>> from weightdesk.explain.updates.optimizers import OptimizerStep
    >>> start = OptimizerStep(torch.ones(1), torch.ones(1), {}, {"lr": 0.5, "momentum": 0.0})
    >>> recorded = RecordedStep(0, "SGD", start, torch.zeros(1).double())
    >>> [(term.name, term.value.item()) for term in terms_of_step(recorded, {"l1": 0.5})[0]]
    [('gradient', -0.5), ('proximal L1', -0.25)]
    """
    start, state = recorded.start, recorded.start.state
    rule = RULES.get(recorded.optimizer)
    if rule is None:
        return [], {}
    terms: list[Term] = []
    try:
        if start.gradient is not None and start.gradient.isfinite().all():
            split = rule(start)
            terms = terms_of(start, split, recipe.get("l2", 0.0))
            state = {**split.state, "step": torch.as_tensor(start.count)}
        weight = start.weight.double() + sum(term.value for term in terms)
        return [*terms, *regularisation_terms(recipe, start.options, state, weight)], state
    except (ArithmeticError, LookupError, RuntimeError, TypeError) as error:
        # Options and state are checked one by one, but not whether they fit each other and the recipe.
        raise RunFormatError(
            f"what the run keeps of step {recorded.step} does not fit the rule of {recorded.optimizer}: "
            f"{str(error)[:80]!r}; no parts of this step can be told"
        ) from None
