"""Small networks of every kind, in float64, each with a batch and a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_map


@dataclass(frozen=True)
class Case:
    model: nn.Module
    inputs: Any
    targets: Tensor
    loss: Callable[[Any, Any], Tensor] = functional.cross_entropy
    batch_dim: int | None = 0

    def gradients(self) -> dict[str, Tensor]:
        """What an ordinary backward pass gives, with the mask of seed 0."""
        names, parameters = zip(*self.model.named_parameters(), strict=True)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            outputs = (
                self.model(**self.inputs)
                if isinstance(self.inputs, dict)
                else self.model(*self.inputs)
                if isinstance(self.inputs, tuple)
                else self.model(self.inputs)
            )
        found = torch.autograd.grad(self.loss(outputs, self.targets), parameters)
        return dict(zip(names, found, strict=True))


class TinyGPT(nn.Module):
    """Tokens and places, one block of attention written out, a head tied to the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(7, 6), nn.Embedding(4, 6)
        self.norm1, self.norm2, self.norm = nn.LayerNorm(6), nn.LayerNorm(6), nn.LayerNorm(6)
        self.qkv, self.projection = nn.Linear(6, 18), nn.Linear(6, 6)
        self.expand, self.contract = nn.Linear(6, 8), nn.Linear(8, 6)
        self.head = nn.Linear(6, 7, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length = tokens.shape
        x = self.tokens(tokens) + self.places(torch.arange(length))
        parts = self.qkv(self.norm1(x)).view(batch, length, 3, 2, 3).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts.unbind(), is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(batch, length, 6))
        x = x + self.contract(functional.gelu(self.expand(self.norm2(x))))
        return self.head(self.norm(x))


class Affine(nn.Module):
    """Parameters used by operators alone: x @ w, x * scale + shift, with axes along which they repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3))
        self.scale, self.shift = nn.Parameter(torch.randn(1, 2, 1)), nn.Parameter(torch.randn(2, 3))
        self.bias, self.out = nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.scale * (x @ self.weight) + self.shift).sum(dim=1)
        return torch.addmm(self.bias, x, self.out[2:])


class Attentive(nn.Module):
    """Torch's own attention, tokens first."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, **options)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        mixed, _ = self.attention(x, x, x, need_weights=False)
        return self.head(mixed.mean(dim=1 if self.attention.batch_first else 0))


class Recurrent(nn.Module):
    """Its LSTM is one operation in which no product can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.lstm, self.head = (
            nn.Embedding(5, 3),
            nn.LSTM(3, 4, batch_first=True),
            nn.Linear(4, 3),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.tokens(tokens))[0][:, -1])


class Tied(nn.Module):
    """One layer used twice, with something between."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x + torch.tanh(self.layer(torch.tanh(self.layer(x)))))


class Flattened(nn.Module):
    """Folds tokens into the batch, tokens first or examples first."""

    def __init__(self, *, strided: bool) -> None:
        super().__init__()
        self.layer, self.head, self.strided = nn.Linear(4, 5), nn.Linear(5, 3), strided

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        flat = (x.transpose(0, 1) if self.strided else x).reshape(-1, width)
        hidden = torch.relu(self.layer(flat))
        shape = (length, batch, 5) if self.strided else (batch, length, 5)
        return self.head(hidden.reshape(shape).mean(dim=0 if self.strided else 1))


class Refuse(torch.autograd.Function):
    """Passes on what it is given, and cannot be differentiated."""

    @staticmethod
    def forward(ctx, back):
        return back.clone()

    @staticmethod
    def backward(ctx, _):
        raise RuntimeError("no second derivative")


class Cube(torch.autograd.Function):
    """An operation of a user's own that can be differentiated once."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, back):
        (x,) = ctx.saved_tensors
        return Refuse.apply(3 * x**2 * back)


def pictures(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(3))


def cases() -> dict[str, Case]:
    """All of them, freshly made from one seed."""
    torch.manual_seed(1)
    labels = torch.tensor([0, 2, 1, 2])
    rows, maps, words = torch.randn(4, 4), torch.randn(4, 4, 6, 5), torch.randint(0, 5, (4, 3))
    sequences, tokens = torch.randn(4, 2, 4), torch.tensor([[1, 2, 3, 2], [6, 0, 1, 1], [2, 2, 5, 4]])
    by_token = lambda outputs, targets: functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())  # noqa: E731
    found = {
        "mlp": Case(nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 3)), rows, labels),
        "regression": Case(nn.Linear(4, 1), rows, torch.randn(4, 1), functional.mse_loss),
        "convolutions": Case(
            pictures(
                nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(1, 2), groups=2),
                nn.ReLU(inplace=True),
                nn.Conv2d(6, 4, (3, 1), padding="same", dilation=2, padding_mode="circular"),
                nn.MaxPool2d(2),
                nn.Conv2d(4, 4, (1, 3), padding="same", bias=False),
            ),
            maps,
            labels,
        ),
        "one axis": Case(
            nn.Sequential(nn.Conv1d(2, 3, 3, padding="valid"), nn.Tanh(), nn.Flatten(), nn.Linear(6, 3)),
            sequences,
            labels,
        ),
        "three axes": Case(
            nn.Sequential(
                nn.Conv3d(1, 3, (1, 3, 3), padding="same", dilation=(1, 1, 2)),
                nn.GELU(),
                nn.Flatten(),
                nn.LazyLinear(3),
            ),
            torch.randn(4, 1, 2, 3, 3),
            labels,
        ),
        "group norm": Case(
            pictures(nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Conv2d(4, 3, 2)), maps, labels
        ),
        "batch norm": Case(pictures(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), maps, labels),
        "batch norm of rows": Case(
            nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)), rows, labels
        ),
        "rms norm": Case(
            nn.Sequential(nn.Linear(4, 4), nn.RMSNorm(4), nn.Dropout(0.4), nn.Linear(4, 3)), rows, labels
        ),
        "gpt": Case(TinyGPT(), tokens[:, :-1], tokens[:, 1:], by_token),
        "operators": Case(Affine(), sequences, labels),
        "attention": Case(Attentive(dropout=0.3), sequences.transpose(0, 1), labels, batch_dim=1),
        "separate projections": Case(
            nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu"),
            sequences,
            torch.randn(4, 2, 4),
            functional.mse_loss,
        ),
        "padded words": Case(
            nn.Sequential(nn.Embedding(5, 3, padding_idx=2), nn.Flatten(), nn.Linear(9, 3)), words, labels
        ),
        "counted words": Case(
            nn.Sequential(nn.Embedding(5, 3, scale_grad_by_freq=True), nn.Flatten(), nn.Linear(9, 3)),
            words,
            labels,
        ),
        "sparse words": Case(
            nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Flatten(), nn.Linear(9, 3)), words, labels
        ),
        "tied": Case(Tied(), rows, labels),
        "folded": Case(Flattened(strided=False), sequences, labels),
        "folded tokens first": Case(Flattened(strided=True), sequences, labels),
        "recurrent": Case(Recurrent(), words, labels),
        "weight norm": Case(
            nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.Tanh(), nn.Linear(5, 3)),
            rows,
            labels,
        ),
        "two inputs": Case(nn.Bilinear(4, 4, 3), (rows, rows.flip(0)), labels),
        "named input": Case(nn.Linear(4, 3), {"input": rows}, labels),
    }
    return {name: _double(case) for name, case in found.items()}


def _double(case: Case) -> Case:
    case.model.double()
    inputs = tree_map(lambda each: each.double() if each.is_floating_point() else each, case.inputs)
    targets = case.targets.double() if case.targets.is_floating_point() else case.targets
    made = Case(case.model, inputs, targets, case.loss, case.batch_dim)
    with torch.random.fork_rng(), torch.no_grad():  # sizes of lazy layers
        made.model.eval()
        made.model(**inputs) if isinstance(inputs, dict) else made.model(
            *inputs if isinstance(inputs, tuple) else (inputs,)
        )
        made.model.train()
        made.model.double()
    return made


CASES = sorted(cases())
UNKNOWN = {"recurrent", "two inputs", "weight norm"}
