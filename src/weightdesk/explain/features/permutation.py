"""Importance by permutation: how much the loss grows when a feature's values are dealt out anew."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.features.grouping import Grouping
from weightdesk.explain.features.objective import Objective


def by_permutation(
    found: Objective, grouped: Grouping, repeats: int = 10, seed: int = 0
) -> tuple[Float[Tensor, " features"], Float[Tensor, " features"]]:
    """The increase of the loss when one feature is permuted among the examples.

    Takes one forward pass for each feature and repeat; one that is the same in all examples takes none.
    The memory is that of one forward pass without gradients and a copy of the inputs.

    Arguments:
        found: the loss as a function of the features.
        grouped: the features; the elements of a group are permuted together.
        repeats: permutations of each feature.
        seed: of the permutations; every feature gets the same, whichever others there are.

    Returns:
        Mean over the repeats, and its standard error: not a number for a single repeat.

    Raises:
        OptionError: there is no repeat.

    Source: Breiman 2001, Random forests.

    >>> from weightdesk.explain.features.objective import objective
    >>> from weightdesk.explain.features.grouping import grouping
    >>> first = objective(torch.nn.Identity(), torch.eye(2), None, lambda outputs, _: outputs[0, 0], 0)
    >>> by_permutation(first, grouping((2,), None))[0].tolist()[1]
    0.0
    """
    if repeats < 1:
        raise OptionError(f"repeats must be 1 or more, got {repeats}")
    inputs, flat = found.features, found.features.flatten(1)
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(flat), generator=generator).to(flat.device) for _ in range(repeats)]
    before = found.value(inputs)
    increases = torch.zeros(grouped.count, repeats, dtype=torch.float64)
    changed = flat.clone()
    for feature in range(grouped.count):
        members = grouped.members(feature).to(flat.device)
        values = flat[:, members]
        if torch.equal(values, values[:1].expand_as(values)):
            continue
        for repeat, order in enumerate(orders):
            changed[:, members] = values[order]
            increases[feature, repeat] = found.value(changed.view(inputs.shape)) - before
        changed[:, members] = values
    error = increases.std(1) / math.sqrt(repeats) if repeats > 1 else torch.full((grouped.count,), math.nan)
    return increases.mean(1), error.double()
