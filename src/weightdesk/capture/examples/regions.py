"""The part of an example that a unit sees, in words."""

from __future__ import annotations

from torch import Tensor

from weightdesk.capture.specimen import Specimen


def patch(specimen: Specimen, example: int, box: tuple[slice, ...]) -> Tensor:
    """The elements of an example inside a box."""
    return specimen.inputs[example][box]


def region(specimen: Specimen, example: int, box: tuple[slice, ...]) -> str:
    """The words inside a box; of pictures its rows and columns; of other inputs the range on each axis.

    >>> import torch
    >>> pictures = Specimen(torch.nn.Identity(), torch.zeros(1, 3, 8, 8))
    >>> region(pictures, 0, (slice(0, 3), slice(2, 5), slice(0, 4)))
    'rows 2 to 4, columns 0 to 3'
    >>> region(pictures, 0, (slice(0, 0), slice(0, 0), slice(0, 0)))
    'nothing'
    >>> texts = Specimen(torch.nn.Identity(), torch.tensor([[2, 1]]), tokens=("the", "film", "good"))
    >>> region(texts, 0, (slice(0, 2),))
    'good film'
    """
    if any(side.start == side.stop for side in box):
        return "nothing"
    if specimen.tokens:
        return " ".join(specimen.tokens[token] for token in patch(specimen, example, box).flatten().tolist())
    names = ("rows", "columns") if len(box) == 3 else tuple(f"axis {axis}" for axis in range(len(box)))
    sides = zip(names, box[-len(names) :], strict=True)
    return ", ".join(f"{name} {side.start} to {side.stop - 1}" for name, side in sides)
