"""Models that are one spatial profile, the same in all channels but for its amplitude."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.model import FilterModel, Fit, share_explained

STARTS, ROUNDS = 25, 40
_SETTLED, _STUCK = 1e-5, 1e4
_SMALL: Final = 1e-7


class ProfileModel(FilterModel):
    """A profile with few parameters that bend it, times an amplitude a channel.

    For given parameters the best amplitudes are known in closed form, so that only the parameters are
    searched for: first among those of a dense grid, then from the best of these at each centre by
    Levenberg-Marquardt steps, all filters and starts at once (variable projection with Kaufman's
    Jacobian: Golub and Pereyra 2003, "Separable nonlinear least squares").
    """

    @abstractmethod
    def ranges(self, height: int, width: int) -> Mapping[str, tuple[float, float]]:
        """The lowest and highest value of each parameter; an angle's range may be left at both ends."""

    @abstractmethod
    def starts(self, height: int, width: int) -> Mapping[str, Iterable[float]]:
        """For each parameter the values at which the search may begin."""

    @abstractmethod
    def profile(
        self,
        parameters: Float64[Tensor, "batch parameters"],
        x: Float64[Tensor, " places"],
        y: Float64[Tensor, " places"],
    ) -> Float64[Tensor, "batch places"]:
        """The profile at places, in pixels from the centre of the filter, y downwards."""

    def free(self, channels: int, height: int, width: int) -> int:
        """The parameters and the amplitudes."""
        return len(self.ranges(height, width)) + channels

    def fit(self, weights: Float64[Tensor, "units channels height width"]) -> Fit:
        """The nearest member for each filter."""
        height, width = weights.shape[2:]
        places = _places(height, width)
        ranges = self.ranges(height, width)
        filters = weights.flatten(2)
        parameters = self._search(filters, self._grid(height, width), places)
        low, high = torch.tensor(list(ranges.values()), dtype=weights.dtype).unbind(1)
        parameters = self._refine(filters, parameters, (low, high), places)
        profile = self.profile(parameters, *places)
        amplitudes = _amplitudes(filters, profile)
        fitted = (amplitudes[:, :, None] * profile[:, None]).view_as(weights)
        named = dict(zip(ranges, parameters.T, strict=True)) | {"amplitudes": amplitudes}
        return Fit(share_explained(weights, fitted), self.readable(named), fitted)

    def readable(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The parameters as people read them: those of equal members are made equal."""
        return parameters

    def _grid(self, height: int, width: int) -> Tensor:
        return torch.tensor(list(product(*self.starts(height, width).values())), dtype=torch.float64)

    def _search(self, filters: Tensor, grid: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
        """For each filter the best of the grid at each of up to `STARTS` centres."""
        profiles = self.profile(grid, *places)
        profiles = profiles / profiles.norm(dim=1, keepdim=True).clamp_min(1e-12)
        explained = torch.zeros(len(filters), len(grid), dtype=filters.dtype)
        for channel in filters.unbind(1):
            explained += (channel @ profiles.T).square()
        # the best of all lie close together and lead to the same end
        centres = len(set(map(tuple, grid[:, :2].tolist())))
        at_centre, number = explained.view(len(filters), centres, -1).max(2)
        chosen = at_centre.topk(min(STARTS, centres)).indices
        return grid[chosen * (len(grid) // centres) + number.gather(1, chosen)]

    def _refine(
        self, filters: Tensor, starts: Tensor, limits: tuple[Tensor, Tensor], places: tuple[Tensor, Tensor]
    ) -> Tensor:
        """The best of what the starts of each filter lead to."""
        units, count, size = starts.shape
        repeated = filters.repeat_interleave(count, 0)
        now = starts.reshape(-1, size).clone()
        explained = self._explained(repeated, now, places)
        damping = torch.full_like(explained, 1e-2)
        moving = torch.arange(len(now))
        for _ in range(ROUNDS):
            some, before = repeated[moving], now[moving]
            tried = (before + self._step(some, before, damping[moving], places)).clamp(*limits)
            gained = self._explained(some, tried, places) - explained[moving]
            better = gained > 0
            now[moving] = tried.where(better[:, None], before)
            explained[moving] += gained.clamp_min(0)
            damping[moving] *= torch.where(better, 0.2, 5.0)
            settled = (better & (gained < _SETTLED * explained[moving])) | (damping[moving] > _STUCK)
            moving = moving[~settled]
            if not len(moving):
                break
        best = explained.view(units, count).argmax(1)
        return now.view(units, count, size)[torch.arange(units), best]

    def _explained(self, filters: Tensor, parameters: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
        """The sum of squares that the best amplitudes explain."""
        profile = self.profile(parameters, *places)
        return _amplitudes(filters, profile).square().sum(1) * profile.square().sum(1)

    def _step(
        self, filters: Tensor, parameters: Tensor, damping: Tensor, places: tuple[Tensor, Tensor]
    ) -> Tensor:
        profile, slopes = self._slopes(parameters, places)
        amplitudes = _amplitudes(filters, profile)
        unit = profile / profile.norm(dim=1, keepdim=True).clamp_min(1e-12)
        # what a change of the profile does beyond what an amplitude would do as well
        slopes = slopes - unit[:, :, None] * (unit[:, None] @ slopes)
        target = (amplitudes[:, :, None] * filters).sum(1)
        descent = (slopes * target[:, :, None]).sum(1)
        curvature = slopes.mT @ slopes * amplitudes.square().sum(1)[:, None, None]
        diagonal = curvature.diagonal(dim1=1, dim2=2)
        floor = 1e-9 * diagonal.amax(1, keepdim=True) + 1e-30
        damped = curvature + torch.diag_embed(damping[:, None] * diagonal + floor)
        solved: Tensor = torch.linalg.solve(damped, descent)
        return solved

    def _slopes(self, parameters: Tensor, places: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The profile, and what each parameter does to it at each place."""
        profile = self.profile(parameters, *places)
        steps = _SMALL * torch.eye(parameters.shape[1], dtype=parameters.dtype)
        slopes = [(self.profile(parameters + step, *places) - profile) / _SMALL for step in steps]
        return profile, torch.stack(slopes, 2)


def turned(
    parameters: Float64[Tensor, "batch parameters"],
    x: Float64[Tensor, " places"],
    y: Float64[Tensor, " places"],
) -> tuple[Float64[Tensor, "batch places"], Float64[Tensor, "batch places"]]:
    """Coordinates across and along the stripes of a profile.

    Arguments:
        parameters: of which the first three are the centre, x and y, and the angle in radians from the
            x axis to the direction in which the profile changes.
        x: columns, in pixels from the filter's centre.
        y: rows, downwards.

    >>> across, along = turned(torch.zeros(1, 3), torch.tensor([1.0]), torch.tensor([2.0]))
    >>> across.item(), along.item()
    (1.0, 2.0)
    """
    dx, dy = x - parameters[:, :1], y - parameters[:, 1:2]
    cosine, sine = parameters[:, 2:3].cos(), parameters[:, 2:3].sin()
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def centres(height: int, width: int) -> dict[str, tuple[float, float]]:
    """The range of a profile's centre: inside the filter."""
    return {"x": (-width / 2, width / 2), "y": (-height / 2, height / 2)}


def coarse(height: int, width: int) -> dict[str, list[float]]:
    """Centres at which a search may begin."""
    return {
        name: [-size / 4, 0.0, size / 4] if size < 6 else [-size / 3.5, -size / 7, 0.0, size / 7, size / 3.5]
        for name, size in (("x", width), ("y", height))
    }


def _places(height: int, width: int) -> tuple[Tensor, Tensor]:
    rows, columns = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2 for size in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return x.flatten(), y.flatten()


def _amplitudes(filters: Tensor, profile: Tensor) -> Tensor:
    """The best amplitude of each channel."""
    size = profile.square().sum(1, keepdim=True).clamp_min(1e-24)
    return (filters @ profile[:, :, None]).squeeze(2) / size
