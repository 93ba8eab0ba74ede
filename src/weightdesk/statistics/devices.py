"""The same measurements on an accelerator, in torch operations that the training never waits for.

Nothing here asks a device for a value: results stay there until `collect`, which the writing
thread calls. Integer sums are exact in any order, so the counts do not depend on how the device
schedules its work; float64 sums may differ in their last bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weightdesk.statistics import layout
from weightdesk.statistics.measure import Measurements


@dataclass(frozen=True)
class DeviceMeasurements:
    """Measurements that are still on their device: as `Measurements`, in tensors."""

    totals: Tensor
    histograms: Tensor

    def __getitem__(self, part: slice) -> DeviceMeasurements:
        """The measurements of some of the tensors."""
        return DeviceMeasurements(self.totals[part], self.histograms[part])

    def collect(self) -> Measurements:
        """Fetch the results; waits for the device."""
        return Measurements(self.totals.cpu().numpy(), self.histograms.cpu().numpy())


def measure_on_device(
    tensors: Sequence[Tensor], before: Sequence[Tensor | None] | None = None
) -> DeviceMeasurements:
    """Measure tensors of one device without waiting for it; the arguments are those of `measure`.

    >>> found = measure_on_device([torch.tensor([1.0, -2.0, 0.0])]).collect()
    >>> found.totals[0, layout.ABS_SUM].item()
    3.0
    """
    earlier = before or [None] * len(tensors)
    rows = [_describe(each.detach(), old) for each, old in zip(tensors, earlier, strict=True)]
    return DeviceMeasurements(torch.stack([row for row, _ in rows]), torch.stack([bins for _, bins in rows]))


def _describe(tensor: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    flips = torch.zeros((), dtype=torch.float64, device=tensor.device)
    if before is not None:
        flips = ((tensor > 0) & (before < 0) | (tensor < 0) & (before > 0)).sum()
        tensor = tensor - before
    finite = tensor.isfinite()
    count = finite.sum()
    values = torch.where(finite, tensor, 0).double().flatten()
    mean = values.sum() / count
    deviations = torch.where(finite.flatten(), values - mean, 0.0)
    row: dict[int, Tensor] = {
        layout.COUNT: count,
        layout.NONFINITE: tensor.numel() - count,
        layout.ZEROS: (tensor == 0).sum(),
        layout.MEAN: torch.where(count > 0, mean, 0.0),
        layout.M2: deviations.square().sum(),
        layout.ABS_SUM: values.abs().sum(),
        layout.MIN: _extreme(tensor, finite, torch.inf).amin(),
        layout.MAX: _extreme(tensor, finite, -torch.inf).amax(),
        layout.SIGN_FLIPS: flips,
    }
    return torch.stack([row[field].double() for field in range(layout.FIELDS)]), _bins(tensor, finite)


def _extreme(tensor: Tensor, finite: Tensor, otherwise: float) -> Tensor:
    values = torch.where(finite, tensor.double(), otherwise).flatten()
    return torch.cat([values, values.new_full((1,), otherwise)])  # so that an empty tensor has one, too


def _bins(tensor: Tensor, finite: Tensor) -> Tensor:
    """Histogram by the sign and the exponent field of a float32, zeros and non-finite values left out."""
    narrow = tensor if tensor.dtype == torch.float64 else tensor.float()
    _, exponent = torch.frexp(torch.where(finite, narrow, 0))
    places = (exponent - 1 + 127).clamp(0, 254) + 256 * (tensor < 0)
    counted = (finite & (tensor != 0)).long()
    bins = torch.zeros(layout.BINS, dtype=torch.long, device=tensor.device)
    return bins.scatter_add_(0, places.flatten().long(), counted.flatten())
