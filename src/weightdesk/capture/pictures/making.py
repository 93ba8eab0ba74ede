"""Makes pictures of what units of a layer respond to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.pictures.likeness import Likeness, cut, likeness
from weightdesk.capture.pictures.optimisation import Effort, Task, optimised
from weightdesk.capture.pictures.parameterisations import METHODS
from weightdesk.capture.pictures.result import Pictures
from weightdesk.capture.pictures.target import Target
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import IndexRangeError, OptionError, closest

BATCH = 64


def feature_pictures(
    specimen: Specimen,
    layer: Layer,
    units: Sequence[int] | None = None,
    *,
    size: int | None = None,
    per_unit: int = 1,
    steps: int = 128,
    diversity: float = 0.5,
    method: str = "fourier",
    baseline: int = 8,
    seed: int = 0,
    progress: Progress = silent,
) -> Pictures:
    """Pictures of what units respond to, by optimising the input; each with the activation that it reaches.

    What is optimised is the weighted sum z at the centre of the unit's map, under small random shifts,
    scalings and turns in the first 40 % of the steps. What is reported is the activation in the plain
    picture, and in the real examples, at the place of the map where it is largest. So that the two may be
    compared, pixels stay within the least and largest value that real ones have in their channel, and a
    picture has no more contrast (root mean square distance from the mean colour) than the unit's
    strongest example.

    Arguments:
        specimen: the network, with real pictures of (channels, height, width).
        layer: as `layers_of` finds it.
        units: their numbers; None: all.
        size: of the pictures in pixels; larger real ones are cut into windows of this size; None: as real
            ones are.
        per_unit: pictures of each unit.
        steps: at most; it ends early when nothing is gained any more.
        diversity: what it costs, in shares of the strongest example, where two pictures of a unit excite
            the layer alike.
        method: `fourier` (Olah et al. 2017) or `maco` (Fel et al. 2023).
        baseline: of how many units pictures are also made with scrambled weights.
        seed: of everything random.
        progress: told how far it is.

    Raises:
        OptionError: the inputs are no pictures, or an option is impossible.
        IndexRangeError: there is no such unit.

    Source: Olah, Mordvintsev and Schubert 2017, "Feature visualization", Distill.

    >>> from weightdesk.capture.layers import layers_of
    >>> _ = torch.manual_seed(0)
    >>> specimen = Specimen(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.randn(20, 1, 8, 8))
    >>> found = feature_pictures(specimen, layers_of(specimen.model, specimen.inputs)[0], [1], steps=40)
    >>> found.pictures.shape, bool(found.ratio > 1)
    (torch.Size([1, 1, 1, 8, 8]), True)
    """
    numbers = list(range(layer.units)) if units is None else list(units)
    for unit in numbers:
        if not 0 <= unit < layer.units:
            raise IndexRangeError(f"{layer.name} has units 0 to {layer.units - 1}, not {unit}")
    return direction_pictures(
        specimen,
        layer,
        torch.eye(layer.units)[numbers],
        tuple(f"unit {unit}" for unit in numbers),
        size=size, per_unit=per_unit, steps=steps, diversity=diversity, method=method,
        baseline=baseline, seed=seed, progress=progress,
    )  # fmt: skip


def direction_pictures(
    specimen: Specimen,
    layer: Layer,
    directions: Float[Tensor, "directions units"],
    names: tuple[str, ...],
    *,
    size: int | None = None,
    per_unit: int = 1,
    steps: int = 128,
    diversity: float = 0.5,
    method: str = "fourier",
    baseline: int = 8,
    seed: int = 0,
    progress: Progress = silent,
) -> Pictures:
    """The same of directions among the units: of sums of their activations.

    Arguments:
        specimen: as for `feature_pictures`, and so are the arguments that are not named here.
        layer: whose units they are.
        directions: a factor for each unit.
        names: of the directions.

    >>> from weightdesk.capture.layers import layers_of
    >>> _ = torch.manual_seed(0)
    >>> specimen = Specimen(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.randn(20, 1, 8, 8))
    >>> layer = layers_of(specimen.model, specimen.inputs)[0]
    >>> direction_pictures(specimen, layer, torch.ones(1, 2), ("both",), steps=4).reached.shape
    torch.Size([1, 1])
    """
    _check(len(directions), per_unit, steps, method)
    real = cut(specimen.inputs, size)
    like, target = likeness(real), Target(specimen.model, layer, directions.to(real))
    strengths = target.strongest(real)
    strongest, example = strengths.max(0)
    contrast = like.contrast(real[example])
    effort = Effort(steps, diversity, seed)
    scale = strongest.abs().clamp_min(1e-6)
    judged = min(baseline, len(directions))
    whole = len(directions) * per_unit
    share = whole / (whole + judged)

    def made(model: nn.Module, count: int, each: int, told: Progress) -> Tensor:
        beside = Target(model, layer, target.directions)
        of = torch.arange(count).repeat_interleave(each)
        return _batches(Task(beside, of, scale[of], contrast[of]), like, method, effort, told)

    pictures = made(specimen.model, len(directions), per_unit, part(progress, 0.0, share))
    reached = target.strongest(pictures)
    own = torch.arange(len(directions)).repeat_interleave(per_unit)
    chance = torch.full_like(strongest, torch.nan)
    if judged:
        other = made(scrambled(specimen.model, seed), judged, 1, part(progress, share, 1.0))
        chance[:judged] = target.strongest(other)[:, :judged].mean(0)
    return Pictures(
        layer.name, names, pictures.view(-1, per_unit, *pictures.shape[1:]),
        reached[torch.arange(len(own)), own].view(-1, per_unit), strongest, example,
        _mean_of_others(reached, own), chance, contrast, len(real), method,
    )  # fmt: skip


def _batches(task: Task, like: Likeness, method: str, effort: Effort, progress: Progress) -> Tensor:
    """All pictures, so many at once that pictures of one unit stay together."""
    together = int((task.of == 0).sum())
    size = max(1, BATCH // together) * together
    whole, made = len(task.of), []
    for first in range(0, whole, size):
        some = slice(first, first + size)
        told = part(progress, first / whole, min(first + size, whole) / whole)
        batch = Task(task.target, task.of[some], task.scale[some], task.contrast[some])
        made.append(optimised(batch, like, METHODS[method], effort, told))
    return torch.cat(made)


def _mean_of_others(reached: Tensor, own: Tensor) -> Tensor:
    """Of each direction, its mean strength in the pictures of others; not a number where there are none."""
    other = own[:, None] != torch.arange(reached.shape[1])
    return (reached * other).sum(0) / other.sum(0)


def _check(directions: int, per_unit: int, steps: int, method: str) -> None:
    if method not in METHODS:
        raise OptionError(f"there is no method {method!r}; {closest(method, METHODS)}")
    for name, value in (("units", directions), ("per_unit", per_unit), ("steps", steps)):
        if value < 1:
            raise OptionError(f"{name} must be 1 or more, got {value}")
