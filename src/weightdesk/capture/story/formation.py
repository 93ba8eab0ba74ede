"""When the features of each layer, and of each unit, formed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import nn

from weightdesk.capture.cache import Cache
from weightdesk.capture.digests import of_examples, of_weights
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.comparing import UNITS, LastStep
from weightdesk.capture.story.formed import Formation
from weightdesk.errors import OptionError
from weightdesk.types import Step

ModelAt: TypeAlias = Callable[[Step], nn.Module]
"""Gives the network of a step in evaluation mode, a module of its own each time."""


def formation(
    specimen: Specimen,
    model_at: ModelAt,
    steps: Sequence[Step],
    *,
    share: float = 0.9,
    resamples: int = 20,
    cache: Cache = Cache(),  # noqa: B008  # frozen
    progress: Progress = silent,
    seed: int = 0,
) -> Formation:
    """Measure every layer and unit at some steps of a run, and tell from which step on they were formed.

    A layer: by its linear CKA with itself at the last step and, where there are classes, by their
    separation and by linear probes of the task and of each property. A unit: by the correlation of its
    activations, over examples and places, with those at the last step.

    Arguments:
        specimen: the examples; its network is not looked at.
        model_at: the network of a step.
        steps: two or more, such as `log_spread` chooses; the last one is what the others led to.
        share: of its last value, that a score must reach and keep for its layer to count as formed.
        resamples: halves of the examples from which the intervals come.
        cache: keeps the scores of each step.
        progress: hears after each step.
        seed: of the halves, and of the examples that probes learn from.

    Raises:
        OptionError: there are fewer than two steps, or fewer than eight examples.

    Sources: Raghu et al. 2017 and Kornblith et al. 2019, comparing a layer with its final self;
    Kornblith et al. 2021, separation; Alain and Bengio 2017, probes.

    >>> weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> def model_at(step: int) -> nn.Module:
    ...     net = nn.Linear(2, 2, bias=False).requires_grad_(False)
    ...     _ = net.weight.copy_(weights if step else weights.sum(0) * torch.ones(2, 1))
    ...     return net
    >>> found = formation(Specimen(model_at(0), torch.randn(100, 2)), model_at, [0, 5, 10])
    >>> found.formed("CKA")[0].step, found.formed_units[1].step
    (5, 5)
    """
    steps = sorted(set(steps))
    if len(steps) < 2 or len(specimen) < 8:
        raise OptionError(
            f"formation takes 2 steps and 8 examples or more, got {len(steps)} and {len(specimen)}"
        )
    last = specimen.with_model(model_at(steps[-1]))
    compared = LastStep(last, resamples, seed)
    about = {"last": of_weights(last.model), "examples": of_examples(last)}
    about |= {"resamples": str(resamples), "seed": str(seed)}
    readings = []
    for step in followed(steps, "formation", progress):
        model = model_at(step)
        there = about | {"weights": of_weights(model)}
        readings.append(cache.get("formation", there, partial(compared.reading, model)))
    # sorted, as what was kept comes back in another order
    scores = {name: torch.stack([each[name] for each in readings]) for name in sorted(readings[0])}
    units = tuple((each.name, unit) for each in compared.layers for unit in range(each.units))
    correlations = scores.pop(UNITS)
    names = tuple(each.name for each in compared.layers)
    return Formation(tuple(steps), names, scores, units, correlations, share)


def log_spread(steps: Sequence[Step], count: int = 12) -> tuple[Step, ...]:
    """Some of the steps, close to each other where a training changes most: at the start.

    Arguments:
        steps: those there are, such as `run.steps`.
        count: the most that are chosen; the first and the last always are.

    >>> log_spread(range(0, 1001), 5)
    (0, 5, 31, 177, 1000)
    """
    known = torch.tensor(sorted(set(steps)))
    if len(known) <= count:
        return tuple(known.tolist())
    places = torch.log1p((known - known[0]).double())
    wanted = torch.linspace(0, float(places[-1]), max(2, count), dtype=torch.float64)
    return tuple(known[torch.unique((places - wanted[:, None]).abs().argmin(1))].tolist())
