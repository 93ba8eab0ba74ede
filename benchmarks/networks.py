"""The networks on which recording is timed, each with a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Workload:
    """A network with its batch, ready to take steps."""

    name: str
    model: nn.Module
    inputs: Tensor
    targets: Tensor
    optimizer: torch.optim.Optimizer

    def step(self) -> Tensor:
        """One ordinary training step."""
        self.optimizer.zero_grad()
        outputs = self.model(self.inputs)
        loss = functional.cross_entropy(outputs.flatten(0, -2), self.targets.flatten())
        loss.backward()
        self.optimizer.step()
        return loss


class Block(nn.Module):
    """A pre-norm transformer block with causal attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Attend, then transform each token."""
        batch, length, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts.unbind(), is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.contract(functional.gelu(self.expand(self.norm2(x))))


class GPT(nn.Module):
    """Four layers, width 256, vocabulary 4096."""

    def __init__(self, vocabulary: int = 4096, width: int = 256, length: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, 8) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at each place."""
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def mlp() -> Workload:
    """784-512-512-10, batch 128."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return _workload("MLP", model, torch.randn(128, 784), torch.randint(0, 10, (128,)))


def cnn() -> Workload:
    """Four convolutions on 32×32 pictures, batch 64."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if before == after else []
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 8 * 8, 10))
    return _workload("CNN", model, torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,)))


def gpt() -> Workload:
    """A 4-layer GPT, sequence 128, batch 8."""
    torch.manual_seed(0)
    tokens = torch.randint(0, 4096, (8, 129))
    return _workload("GPT", GPT(), tokens[:, :-1], tokens[:, 1:])


def small_parameters(count: int) -> Workload:
    """A deep network of so many parameters, each with 16 to 256 weights."""
    torch.manual_seed(0)
    layers = [nn.Linear(16, 16) for _ in range(count // 2)]
    return _workload(
        f"{count:,} small parameters", nn.Sequential(*layers), torch.randn(8, 16), torch.randint(0, 16, (8,))
    )


def _workload(name: str, model: nn.Module, inputs: Tensor, targets: Tensor) -> Workload:
    return Workload(name, model, inputs, targets, torch.optim.SGD(model.parameters(), lr=0.01))


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "MLP": mlp,
    "CNN": cnn,
    "GPT": gpt,
    "500 small parameters": partial(small_parameters, 500),
    "2,000 small parameters": partial(small_parameters, 2000),
}
