"""Moves pictures so that each makes its own direction strong."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from weightdesk.capture.pictures.likeness import Likeness
from weightdesk.capture.pictures.parameterisations import Parameterisation
from weightdesk.capture.pictures.robustness import jostled
from weightdesk.capture.pictures.target import Target, central, result_of
from weightdesk.capture.progress import Progress

ROBUST: Final = 0.4
"""The share of the steps in which pictures are jostled; then they settle as they are."""

WINDOW, ENOUGH = 10, 0.005


@dataclass(frozen=True)
class Effort:
    """How pictures are optimised.

    Attributes:
        steps: at most.
        diversity: how much alike pictures of one direction cost, in shares of the strongest real example.
        seed: of the start and of the jostling.
    """

    steps: int
    diversity: float
    seed: int


@dataclass(frozen=True, eq=False)
class Task:
    """What pictures are to be made of.

    Attributes:
        target: the directions.
        of: for each picture the number of its direction.
        scale: for each picture, what its direction's strength is measured in.
        contrast: for each picture, how much it may have.
    """

    target: Target
    of: Int64[Tensor, " pictures"]
    scale: Float[Tensor, " pictures"]
    contrast: Float[Tensor, " pictures"]


def optimised(
    task: Task, like: Likeness, method: Parameterisation, effort: Effort, progress: Progress
) -> Float[Tensor, "pictures channels height width"]:
    """Pictures by gradient ascent, all at once (Adam).

    Jostled first, then as they are; each of these ends early when the objective of the last `WINDOW` steps is
    less than `ENOUGH` above that of those before.

    Arguments:
        task: what to make strong.
        like: what the pictures must stay within.
        method: what numbers stand for them.
        effort: how long.
        progress: told how far it is.
    """
    generator = torch.Generator().manual_seed(effort.seed)
    numbers = method.start(len(task.of), like, generator).requires_grad_()
    optimizer = torch.optim.Adam([numbers], lr=method.rate)

    def draw() -> Tensor:
        return like.held(method.pictures(numbers, like), task.contrast)

    robust = round(ROBUST * effort.steps)
    for first, last, jostle in ((0, robust, True), (robust, effort.steps, False)):
        reached: list[float] = []
        for step in range(first, last):
            pictures = jostled(draw(), generator) if jostle else draw()
            optimizer.param_groups[0]["lr"] = method.rate * (1 if jostle else (last - step) / (last - first))
            strength, alike = _judged(task, pictures)
            (numbers.grad,) = torch.autograd.grad(effort.diversity * alike - strength, [numbers])
            optimizer.step()
            reached.append(strength.item() / len(task.of))
            progress("pictures", (step + 1) / effort.steps)
            if _settled(reached):
                break
    return draw().detach()


def _judged(task: Task, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """How strong the pictures' directions are in all, and how alike pictures of one direction are."""
    # in this order of memory convolutions take a fifth less time
    ordered = pictures.contiguous(memory_format=torch.channels_last)
    results = result_of(task.target.model, task.target.layer, ordered)
    directions = task.target.directions[task.of]
    strength = ((central(results) * directions).sum(1) / task.scale).sum()
    same = (task.of[:, None] == task.of).triu(1).nonzero()
    if not len(same):
        return strength, torch.zeros(())
    return strength, _likenesses(results, same).sum()


def _likenesses(results: Tensor, pairs: Tensor) -> Tensor:
    """Cosine of the Gram matrices of pairs of pictures: of which units go together in them."""
    values = results.reshape(*results.shape[:2], -1)
    gram = torch.nn.functional.normalize((values @ values.mT).flatten(1), dim=1)
    return (gram[pairs[:, 0]] * gram[pairs[:, 1]]).sum(1)


def _settled(reached: list[float]) -> bool:
    if len(reached) < 3 * WINDOW or len(reached) % WINDOW:
        return False
    means = [
        sum(reached[at : at + WINDOW]) / WINDOW
        for at in range(len(reached) - 3 * WINDOW, len(reached), WINDOW)
    ]
    return all(later - earlier < ENOUGH * abs(later) for earlier, later in pairwise(means))
