"""The plan of a network from a stored recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weightdesk.errors import OptionError
from weightdesk.training.networks import Plan
from weightdesk.training.options import MOST
from weightdesk.training.recipe import Recipe

_DIMENSIONS: Final = 8  # of one example; pictures have three


def plan_of(recipe: Recipe, stored: Mapping[str, Any]) -> Plan:
    """What the network of a recipe is made of.

    Arguments:
        recipe: the options.
        stored: the recipe as `run.json` has it, with the shapes of its data.

    Raises:
        OptionError: this is not a whole stored recipe.
    """
    shape = stored.get("dataset")
    if not isinstance(shape, Mapping):
        raise OptionError("the recipe lacks 'dataset': it must be one that a run has stored")
    sizes, outputs, tokens = shape.get("input_shape"), shape.get("outputs"), shape.get("tokens", ())
    if not _are_counts(sizes) or not _are_counts([outputs]) or not isinstance(tokens, (list, tuple)):
        raise OptionError(
            "the recipe's 'dataset' must have input_shape and outputs as whole numbers of at least 1, and "
            "tokens as a list; it is damaged or was changed"
        )
    return Plan(
        input_shape=tuple(shape["input_shape"]),
        outputs=int(shape["outputs"]),
        layers=recipe.layers,
        activation=recipe.activation,
        dropout=recipe.dropout,
        tokens=len(tokens),  # runs from before there were texts name none
        embedding=recipe.embedding,
        heads=recipe.heads,
    )


def _are_counts(values: Any) -> bool:
    if not isinstance(values, (list, tuple)) or len(values) > _DIMENSIONS:
        return False
    return all(type(each) is int and 1 <= each <= MOST for each in values)
