"""The same network with weights that know nothing: what a score must be far above to mean something."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import nn


def scrambled(model: nn.Module, seed: int, parameters: Iterable[str] | None = None) -> nn.Module:
    """A copy whose weights are the same numbers at random places: same scale, no structure.

    Arguments:
        model: stays as it is.
        seed: of the places.
        parameters: those to scramble; None: all. The cascading test of Adebayo et al. (2018, "Sanity
            Checks for Saliency Maps") scrambles from the last layer down.

    >>> net = nn.Linear(3, 2)
    >>> other = scrambled(net, seed=0)
    >>> torch.equal(other.weight.flatten().sort().values, net.weight.flatten().sort().values)
    True
    """
    copied = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    chosen = None if parameters is None else set(parameters)
    with torch.no_grad():
        for name, parameter in copied.named_parameters():
            if chosen is None or name in chosen:
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
    return copied


def baselines(model: nn.Module, seed: int, untrained: nn.Module | None = None) -> dict[str, nn.Module]:
    """The networks that stand beside a network in a table of scores, by the words for them.

    Arguments:
        model: the network itself; it comes first.
        seed: of the places of the scrambled weights.
        untrained: the same network as its training began; None where that is not known.

    >>> list(baselines(nn.Linear(1, 1), seed=0))
    ['this network', 'scrambled weights']
    """
    beside = {} if untrained is None else {"step 0": untrained}
    return {"this network": model, "scrambled weights": scrambled(model, seed), **beside}
