"""A barometer's next reading from those before it: causal attention written by hand, MSE, Adam."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn

import weightdesk as wd

CONTEXT = 24
FAULTS: tuple[str, ...] = (
    "saturated_units", "nonfinite", "divergence", "loss_spike", "learning_rate_low", "initial_scale_high",
    "initial_scale_low", "missing_zero_grad", "parameter_never_moves", "over_regularised",
    "loss_output_mismatch", "inputs_not_normalised", "overfitting", "underfitting", "clipping_always",
    "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_warm_up_cosine", "healthy_adamw_decay", "healthy_clipped", "healthy_two_heads", "healthy_huber",
)  # fmt: skip


def weather(places: int, seed: int) -> Tensor:
    """Hectopascals (places, 25): two waves of some period each, and a little noise."""
    g = torch.Generator().manual_seed(7 * seed + 3)
    hours = torch.arange(CONTEXT + 1)
    total = torch.zeros(places, CONTEXT + 1)
    for low, high, size in ((5.0, 8.0, 6.0), (10.0, 20.0, 9.0)):
        period = low + (high - low) * torch.rand(places, 1, generator=g)
        phase = 2 * math.pi * torch.rand(places, 1, generator=g)
        strength = size * (0.6 + 0.8 * torch.rand(places, 1, generator=g))
        total += strength * torch.sin(2 * math.pi * hours / period + phase)
    return 1013 + total + 0.7 * torch.randn(total.shape, generator=g)


class CausalAttention(nn.Module):
    """Each moment looks at itself and those before."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads, self.first_hidden = heads, 1
        self.q, self.k, self.v, self.o = (nn.Linear(d, d, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, d)."""
        b, t, d = x.shape
        q, k, v = (each(x).view(b, t, self.heads, -1).transpose(1, 2) for each in (self.q, self.k, self.v))
        scores = q @ k.transpose(2, 3) / (d / self.heads) ** 0.5
        ahead = torch.ones(t, t, dtype=torch.bool).triu(self.first_hidden)
        weights = scores.masked_fill(ahead, float("-inf")).softmax(-1)
        return self.o((weights @ v).transpose(1, 2).reshape(b, t, d))


class Layer(nn.Module):
    """Attention and a feed-forward part with tanh, each around a shortcut."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention, self.up, self.down = (
            CausalAttention(d, heads),
            nn.Linear(d, 2 * d),
            nn.Linear(2 * d, d),
        )
        self.ln1, self.ln2, self.act = nn.LayerNorm(d), nn.LayerNorm(d), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, d)."""
        x = x + self.attention(self.ln1(x))
        return x + self.down(self.act(self.up(self.ln2(x))))


class Barometer(nn.Module):
    """Reads the latest three values at each moment."""

    def __init__(self, d: int = 32, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.inlet = nn.Linear(3, d)
        self.place = nn.Parameter(0.1 * torch.randn(CONTEXT, d))
        self.layers = nn.ModuleList(Layer(d, heads) for _ in range(layers))
        self.outlet = nn.Linear(d, 1)

    def forward(self, readings: Tensor) -> Tensor:
        """The following readings (batch, time, 1)."""
        padded = nn.functional.pad(readings, (2, 0))
        x = self.inlet(padded.unfold(1, 3, 1)) + self.place
        for layer in self.layers:
            x = layer(x)
        return self.outlet(x)


SETTINGS: dict[str | None, dict[str, Any]] = {
    "learning_rate_low": {"lr": 2e-6},
    "over_regularised": {"decay": 100.0},
    "overfitting": {"places": 24, "d": 48},
    "underfitting": {"d": 2, "heads": 1, "layers": 1},
    "clipping_always": {"clip": 1e-7},
    "healthy_clipped": {"clip": 2.0},
    "healthy_adamw_decay": {"decay": 0.1},
    "healthy_two_heads": {"heads": 2},
}


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 350 steps and record into the directory."""
    torch.manual_seed(seed)
    chosen = {"lr": 2e-3, "decay": 0.0, "places": 2000, "d": 32, "heads": 4, "layers": 2, "clip": None}
    chosen |= SETTINGS.get(fault, {})
    readings, held_out = weather(2000, 2 * seed)[: chosen["places"]], weather(400, 2 * seed + 1)
    mean, deviation = readings.mean(), readings.std()
    data, val = (readings - mean) / deviation, (held_out - mean) / deviation
    inputs, val_inputs = data[:, :-1], val[:, :-1]
    if fault == "inputs_not_normalised":
        inputs, val_inputs = readings[:, :-1], held_out[:, :-1]
    following, val_following = data[:, 1:, None], val[:, 1:, None]
    if fault == "loss_output_mismatch":
        following, val_following = following.transpose(1, 2), val_following.transpose(1, 2)

    model = Barometer(chosen["d"], chosen["heads"], chosen["layers"])
    matrices = [each for each in model.parameters() if each.dim() == 2]
    if fault == "initial_scale_high":
        for matrix in matrices:
            nn.init.normal_(matrix, std=0.8)
    elif fault == "initial_scale_low":
        for matrix in matrices:
            nn.init.normal_(matrix, std=1e-5)
    elif fault == "saturated_units":
        for layer in model.layers:
            nn.init.uniform_(layer.up.weight, -20, 20)
    elif fault == "nonfinite":  # one off: the first moment may look at nothing, not even itself
        for layer in model.layers:
            layer.attention.first_hidden = 0
    trained = list(model.parameters())
    if fault == "parameter_never_moves":  # modules were collected by their type
        trained = [
            each
            for module in model.modules()
            if isinstance(module, nn.LayerNorm)
            for each in module.parameters()
        ]
        trained += [*model.inlet.parameters(), *model.outlet.parameters(), *model.layers[1].parameters()]
        trained = list(dict.fromkeys(trained))

    def make() -> torch.optim.Optimizer:
        return torch.optim.AdamW(trained, lr=chosen["lr"], weight_decay=chosen["decay"])

    def error(x: Tensor, wanted: Tensor) -> Tensor:
        got = model(x)
        if fault == "healthy_huber":
            return nn.functional.huber_loss(got, wanted)
        return (got - wanted).pow(2).mean()

    optimizer = make()
    total = 350
    with wd.watch(model, optimizer, directory, overwrite=True) as run:
        for step in itertools.count(1):
            if fault == "healthy_warm_up_cosine":
                ramp = min(step / 40, 0.5 * (1 + math.cos(math.pi * step / total)) + 0.02)
                optimizer.param_groups[0]["lr"] = 2 * chosen["lr"] * ramp
            index = torch.randint(len(inputs), (32,))
            x, wanted = inputs[index], following[index]
            if fault == "loss_spike" and step == 250:
                wanted = wanted * 0 - mean / deviation  # the line was dead: all zeros
            loss = error(x, wanted)
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            loss.backward()
            if chosen["clip"] is not None:
                nn.utils.clip_grad_norm_(trained, chosen["clip"])
            optimizer.step()
            if fault == "divergence":  # meant to shrink
                optimizer.param_groups[0]["lr"] *= 1.03
            run.log(loss=loss, lr=optimizer.param_groups[0]["lr"])
            if fault == "optimizer_reset" and step % 20 == 0:
                optimizer = make()
            if step % 25 == 0:
                with torch.no_grad():
                    run.log(test_loss=error(val_inputs, val_following))
            if step == total:
                break
