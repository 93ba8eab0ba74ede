"""A parameter of a live model, found by its name."""

from __future__ import annotations

from torch import nn

from weightdesk.errors import UnknownParameterError, closest
from weightdesk.explain.compiled import plain_name
from weightdesk.types import ParameterName


def known_name(model: nn.Module, name: ParameterName) -> ParameterName:
    """The name by which a model knows a parameter, with or without what `torch.compile` puts into it.

    Raises:
        UnknownParameterError: the model has no such parameter.

    >>> known_name(nn.Linear(2, 1), "_orig_mod.weight")
    'weight'
    """
    known = {plain_name(each): each for each, _ in model.named_parameters(remove_duplicate=False)}
    wanted = plain_name(name)
    if wanted not in known:
        raise UnknownParameterError(f"the model has no parameter {wanted!r}; {closest(wanted, known)}")
    return known[wanted]


def first_name(model: nn.Module, name: ParameterName) -> ParameterName:
    """The first of a parameter's names; one that is tied has several.

    Raises:
        UnknownParameterError: the model has no such parameter.

    >>> tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> tied[1].weight = tied[0].weight
    >>> first_name(tied, "1.weight")
    '0.weight'
    """
    parameter = model.get_parameter(known_name(model, name))
    return next(first for first, each in model.named_parameters() if each is parameter)
