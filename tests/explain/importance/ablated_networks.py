"""Networks to ablate, and the plain loop that says what must come out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain.tracing import call


class Residual(nn.Module):
    """A convolution beside a skip connection, so that no unit keeps to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1, groups=3)
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = x + self.second(x)
        return self.head(x.mean((2, 3)))


class Words(nn.Module):
    """Tokens, a normalisation and attention over two projections; its shapes follow the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(9, 6), nn.Embedding(5, 6)
        self.norm, self.query, self.value = nn.LayerNorm(6), nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length = tokens.shape
        x = self.norm(self.tokens(tokens) + self.places(torch.arange(length)))
        mixed = (self.query(x) @ x.transpose(1, 2)).softmax(-1) @ self.value(x)
        return self.head((x + mixed).view(batch, length, 6).mean(1))


class Tied(nn.Module):
    """One matrix used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 4), nn.Linear(4, 4)
        self.decode.weight = self.encode.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(torch.tanh(self.encode(x)))


class Branching(nn.Module):
    """Decides by its numbers, which no graph can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.second(torch.relu(x) if x.shape[0] > 0 and float(x.detach().abs().sum()) >= 0 else x)


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2), nn.GELU(), nn.Dropout(0.5), nn.Flatten(),
        nn.Linear(24, 8), nn.Tanh(), nn.Linear(8, 3),
    )  # fmt: skip


def classes(examples: int, count: int = 3, seed: int = 1) -> Tensor:
    return torch.randint(0, count, (examples,), generator=torch.Generator().manual_seed(seed))


def normal(*shape: int, seed: int = 2) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def ablated(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    name: str,
    loss: Callable[[Any, Any], Tensor] = functional.cross_entropy,
) -> Tensor:
    """The plain loop: one weight after the other is zeroed, the whole loss computed, the weight put back."""
    parameter = model.get_parameter(name)
    base, changes = loss(call(model, inputs), targets), []
    for index in range(parameter.numel()):
        kept = parameter.view(-1)[index].clone()
        parameter.view(-1)[index] = 0
        changes.append(loss(call(model, inputs), targets) - base)
        parameter.view(-1)[index] = kept
    return torch.stack(changes).reshape(parameter.shape).double()
