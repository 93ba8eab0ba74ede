"""By how much outputs differ from those of the unedited network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weightdesk.desk.nesting import tensors_of, with_tensors


def difference(now: Any, before: Any) -> Any:
    """The outputs minus those before, nested like them; of truth values whether they differ.

    >>> difference({"y": torch.tensor([2.0, 1.0])}, {"y": torch.tensor([1.5, 1.0])})
    {'y': tensor([0.5000, 0.0000])}
    """
    pairs = zip(tensors_of(now), tensors_of(before), strict=True)
    return with_tensors(now, (_less(one, other) for one, other in pairs))


def _less(one: Tensor, other: Tensor) -> Tensor:
    return one != other if one.dtype == torch.bool else one - other
