"""A network built by hand: a corner is a horizontal edge and a vertical edge, and nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from weightdesk.capture import Specimen

HORIZONTAL, VERTICAL, SILENT, OPPOSITE = range(4)
CORNER, OTHER = range(2)


def corner_network() -> nn.Sequential:
    """Edges, a corner made of two of them, and the answer whether there is one.

    The silent unit has by far the largest weights to the corner and never speaks; an edge of the
    opposite direction inhibits it.
    """
    edge = torch.tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]]) / 3
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(2, 2),
    ).eval()  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for unit, kernel in enumerate([edge, edge.T, edge, -edge]):
            net[0].weight[unit, 0] = kernel
        net[0].bias[SILENT] = -100.0
        net[2].weight[CORNER, HORIZONTAL, 1, 1] = net[2].weight[CORNER, VERTICAL, 1, 1] = 1.0
        net[2].weight[CORNER, SILENT] = 5.0
        net[2].weight[CORNER, OPPOSITE, 1, 1] = -0.5
        net[2].bias[CORNER] = -0.25
        net[2].weight[OTHER, OPPOSITE, 1, 1] = 1.0
        net[6].weight[0, CORNER] = net[6].weight[1, OTHER] = 1.0
    return net


def squares(count: int = 40) -> Tensor:
    """Pictures of one bright square each, at random places and of random sizes."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.zeros(count, 1, 12, 12)
    for picture in pictures:
        top, left, size = torch.randint(3, 6, (3,), generator=generator).tolist()
        picture[0, top : top + size, left : left + size] = 1.0
    return pictures


def corners() -> Specimen:
    """The network and its pictures."""
    return Specimen(corner_network(), squares())
