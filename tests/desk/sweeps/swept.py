"""Networks of several forms to sweep, and the plain loop over edited copies that sweeps are compared with."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk import Desk
from weightdesk.types import Index


class Language(nn.Module):
    """An encoder with learned places, whose head is tied to its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(11, 8), nn.Parameter(torch.randn(5, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 11)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(tokens) + self.places)).transpose(1, 2)


class Curved(nn.Module):
    """Its weight enters as its sine, and turned round."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.last = nn.Parameter(torch.randn(4, 6)), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last((x @ self.weight.sin()).tanh() + (x @ self.weight))


def mlp(count: int = 40) -> tuple[nn.Module, Tensor, Tensor]:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
    return model, torch.randn(count, 6), torch.randint(4, (count,))


def cnn(count: int = 30) -> tuple[nn.Module, Tensor, Tensor]:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip
    return model, torch.randn(count, 2, 8, 8), torch.randint(4, (count,))


def language(count: int = 20) -> tuple[nn.Module, Tensor, Tensor]:
    return Language(), torch.randint(11, (count, 5)), torch.randint(11, (count, 5))


def curved(count: int = 30) -> tuple[nn.Module, Tensor, Tensor]:
    return Curved(), torch.randn(count, 4), torch.randint(3, (count,))


MAKERS = {"mlp": mlp, "cnn": cnn, "language": language, "curved": curved}


def made(name: str, seed: int = 0, count: int | None = None) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(seed)
    model, inputs, targets = MAKERS[name]() if count is None else MAKERS[name](count)
    return model.eval(), inputs, targets


def desk_of(name: str, seed: int = 0, count: int | None = None, **options: Any) -> Desk:
    model, inputs, targets = made(name, seed, count)
    return Desk(model, inputs, targets, functional.cross_entropy, **options)


def looped(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    name: str,
    index: Index,
    values: Iterable[float],
    loss: Any = functional.cross_entropy,
) -> Tensor:
    """The loss of an edited copy for each value."""
    found = []
    for value in values:
        edited = copy.deepcopy(model).eval()
        with torch.no_grad():
            edited.get_parameter(name)[index] = value
            found.append(float(loss(edited(inputs), targets)))
    return torch.tensor(found, dtype=torch.float64)


def autograd_slope(model: nn.Module, inputs: Any, targets: Any, name: str, index: Index) -> float:
    copied = copy.deepcopy(model).eval()
    functional.cross_entropy(copied(inputs), targets).backward()
    return float(copied.get_parameter(name).grad[index])
