"""What is kept of one forward pass until the writing thread reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

import torch
from torch import Tensor

from weightdesk.recording.gradients import local
from weightdesk.statistics.memory import has_plain_values
from weightdesk.types import Step

EXAMPLES: Final = 256
"""So many examples of a pass are kept at most, the first ones."""
POSITIONS: Final = 64
"""So many numbers of an input: enough to tell two examples from each other."""
_ELEMENTS: Final = 1 << 18  # numbers of the outputs that are kept at most


@dataclass
class SeenPass:
    """A forward pass of the whole network.

    Attributes:
        step: optimizer steps done before.
        training: whether the network was in training mode.
        differentiable: whether gradients were being recorded.
        modes: how many dropout and normalisation modules were in training mode, and how many there are.
        examples: the leading dimension of the input.
        inputs: some numbers of each of the first examples, at the same positions in each.
        outputs: rows of outputs, classes last.
        shape: of all outputs.
        gradient: of the loss by these outputs; None where no backward pass came.
        stale: whether gradients of the last step were still there when that backward pass began.
        graph: what the autograd graph tells: activations and their saturation, linear layers in a row.
    """

    step: Step
    training: bool
    differentiable: bool
    modes: tuple[int, int]
    examples: int
    inputs: Tensor | None
    outputs: Tensor
    shape: tuple[int, ...]
    gradient: Tensor | None = None
    stale: bool | None = None
    graph: list[dict[str, Any]] = field(default_factory=list)


def some_inputs(arguments: Any) -> tuple[int, Tensor | None]:
    """The number of examples, and some numbers of each of the first ones.

    >>> some_inputs((torch.arange(6.0).reshape(2, 3),))[0]
    2
    """
    tensor = next((each for each in arguments if is_rows(each)), None)
    if tensor is None or not tensor.numel():
        return 0, None
    flat = local(tensor)[:EXAMPLES].flatten(1) if tensor.ndim > 1 else local(tensor)[:EXAMPLES, None]
    return len(tensor), flat[:, positions(flat.shape[1], flat.device)].clone()


def is_rows(value: Any) -> TypeGuard[Tensor]:
    """Whether it is a tensor with rows of real numbers that lie where its strides say.

    >>> is_rows(torch.ones(2)), is_rows(torch.tensor(1.0)), is_rows(torch.eye(2).to_sparse()), is_rows("text")
    (True, False, False, False)
    """
    if not isinstance(value, Tensor):
        return False
    part = local(value)
    return bool(value.ndim) and not value.is_complex() and has_plain_values(part)


def positions(size: int, device: torch.device | str = "cpu") -> Tensor:
    """The positions that are kept of an input of this size: always the same, at most `POSITIONS`.

    >>> positions(3).tolist(), len(positions(1000))
    ([0, 1, 2], 64)
    """
    if size <= POSITIONS:
        return torch.arange(size, device=device)
    # by a step that shares no factor with rows and columns of usual pictures
    return ((torch.arange(POSITIONS) * 0.6180339887 % 1.0) * size).long().sort().values.to(device)


def rows_of(outputs: Tensor) -> Tensor:
    """Outputs as rows with the classes last: dimension 1 where there are places behind it.

    >>> rows_of(torch.zeros(2, 3, 4, 4)).shape, rows_of(torch.zeros(2, 5, 3)).shape
    (torch.Size([32, 3]), torch.Size([10, 3]))
    """
    if outputs.ndim >= 4:
        outputs = outputs.movedim(1, -1)
    rows = outputs.reshape(-1, outputs.shape[-1]) if outputs.ndim > 1 else outputs.reshape(-1, 1)
    return rows[: max(8, min(EXAMPLES, _ELEMENTS // max(1, rows.shape[1])))]
