"""What weights are like on held-out examples: margins, and how sharp the valley is in which they lie."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

NOISE: Final = 0.05
"""Of a matrix's root mean square: the size of the noise by which sharpness is measured."""
_DRAWS: Final = 8


@dataclass(frozen=True)
class Weighing:
    """A network on held-out examples.

    Attributes:
        loss: its loss.
        sharpness: by how much noise of 5 % in all matrices raises it, mean of eight draws.
        sharpness_error: half the 95 % interval of that mean.
        margin: the median of the right class's logit less the largest other one; None without classes.
        wrong: the share of examples with a negative margin.
    """

    loss: float
    sharpness: float
    sharpness_error: float
    margin: float | None
    wrong: float | None


def weigh(
    model: nn.Module, inputs: Any, targets: Any, loss: Callable[[Any, Any], Tensor], seed: int = 0
) -> Weighing:
    """Measure a network; a copy of it is disturbed, and the same noise for the same seed.

    Source: Neyshabur et al. 2017, Exploring generalization in deep learning.

    >>> model, inputs = nn.Linear(2, 2), torch.randn(50, 2)
    >>> found = weigh(model, inputs, torch.zeros(50, dtype=torch.long), nn.functional.cross_entropy)
    >>> found.wrong is not None and 0 <= found.wrong <= 1
    True
    """
    with torch.no_grad():
        outputs = model(inputs)
        calm = float(loss(outputs, targets))
        generator = torch.Generator().manual_seed(seed)
        rises = torch.tensor(
            [_disturbed(model, inputs, targets, loss, generator) - calm for _ in range(_DRAWS)]
        )
        margin, wrong = _margins(outputs, targets)
    return Weighing(calm, float(rises.mean()), 1.96 * float(rises.std()) / _DRAWS**0.5, margin, wrong)


def _disturbed(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Callable[[Any, Any], Tensor],
    generator: torch.Generator,
) -> float:
    disturbed = copy.deepcopy(model)
    for each in disturbed.parameters():
        if each.ndim > 1 and each.is_floating_point():
            size = NOISE * each.square().mean().sqrt()
            each.add_(size * torch.randn(each.shape, generator=generator).to(each))
    return float(loss(disturbed(inputs), targets))


def _margins(outputs: Any, targets: Any) -> tuple[float | None, float | None]:
    is_classes = isinstance(outputs, Tensor) and outputs.ndim == 2 and outputs.shape[1] > 1
    if not is_classes or not isinstance(targets, Tensor) or targets.ndim != 1 or targets.is_floating_point():
        return None, None
    right = outputs.gather(1, targets[:, None])[:, 0]
    others = outputs.scatter(1, targets[:, None], -torch.inf).max(1).values
    margins = right - others
    return float(margins.median()), float((margins < 0).float().mean())
