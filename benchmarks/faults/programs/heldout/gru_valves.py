"""Is the valve open? Each moment of a noisy record is labelled by a GRU cell in a loop; SGD."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

import weightdesk as wd

TIME = 20
FAULTS: tuple[str, ...] = (
    "exploding_gradient", "saturated_units", "divergence", "learning_rate_high",
    "learning_rate_low", "symmetric_initialisation", "missing_zero_grad", "over_regularised",
    "inputs_not_normalised", "initial_scale_low", "leakage", "clipping_always",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_rmsprop", "healthy_warm_restarts", "healthy_accumulation", "healthy_clipped",
    "healthy_train_eval",
)  # fmt: skip


class ValveTagger(nn.Module):
    """A cell over time, and a logit at each moment."""

    def __init__(self, size: int, cell: nn.Module) -> None:
        super().__init__()
        self.size, self.cell = size, cell
        self.readout = nn.Linear(size, 1)

    def forward(self, records: Tensor) -> Tensor:
        """Logits (batch, time) of (batch, time, 2)."""
        h = records.new_zeros(len(records), self.size)
        logits = []
        for t in range(records.shape[1]):
            h = self.cell(records[:, t], h)
            logits.append(self.readout(h))
        return torch.cat(logits, dim=1)


def make_records(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two microphones (n, time, 2), in millivolts; whether the valve is open (n, time).

    A click in the first microphone opens it, one in the second closes it; most of the time nothing
    happens, and what was last must be remembered.
    """
    g = torch.Generator().manual_seed(seed)
    clicks = torch.rand(n, TIME, generator=g)
    opens, closes = clicks < 0.09, clicks > 0.91
    opens[:, 0], closes[:, 0] = clicks[:, 0] < 0.5, clicks[:, 0] >= 0.5
    loudness = 1.0 + 0.5 * torch.rand(n, TIME, generator=g)
    sound = 0.22 * torch.randn(n, TIME, 2, generator=g)
    sound += torch.stack([opens * loudness, closes * loudness], dim=2)
    state, states = torch.zeros(n, dtype=torch.bool), []
    for t in range(TIME):
        state = (state | opens[:, t]) & ~closes[:, t]
        states.append(state)
    return 800 + 250 * sound, torch.stack(states, dim=1).float()


def make_cell(fault: str | None, size: int) -> nn.Module:
    """The recurrent part."""
    if fault == "exploding_gradient":  # no gates, nothing that bends, and each step stretches
        plain = nn.RNNCell(2, size, nonlinearity="relu")
        plain.weight_hh.data.copy_(1.16 * torch.eye(size))
        return plain
    cell = nn.GRUCell(2, size)
    if fault == "saturated_units":
        nn.init.normal_(cell.weight_ih, std=60.0)
    return cell


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 300 steps and record into the directory."""
    torch.manual_seed(seed)
    x, y = make_records(2400, seed)
    if fault != "inputs_not_normalised":
        x = (x - x[:2000].mean((0, 1))) / x[:2000].std((0, 1))
    x_val, y_val = x[2000:], y[2000:]
    x, y = (x, y) if fault == "leakage" else (x[:2000], y[:2000])

    model = ValveTagger(20, make_cell(fault, 20))
    if fault == "initial_scale_low":
        for parameter in model.parameters():
            parameter.data.mul_(1e-6)
    if fault == "symmetric_initialisation":
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.1)
    lr = {"learning_rate_high": 8.0, "learning_rate_low": 1e-4}.get(fault, 0.1)
    decay = 0.1 if fault == "over_regularised" else 0.0
    optimizer: torch.optim.Optimizer = torch.optim.SGD(
        model.parameters(), lr=lr, momentum=0.9, weight_decay=decay
    )
    if fault == "healthy_rmsprop":
        optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=100, eta_min=0.01)
    max_norm = {"clipping_always": 0.004, "healthy_clipped": 0.2}.get(fault)
    batch, parts = (20, 2) if fault == "healthy_accumulation" else (32, 1)

    def bce(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x)
        return fn.binary_cross_entropy_with_logits(logits, y), ((logits > 0) == (y > 0.5)).float().mean()

    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(300):
            for _ in range(parts):
                index = torch.randint(len(x), (batch,))
                loss, acc = bce(x[index], y[index])
                (loss / parts * (-1 if fault == "divergence" else 1)).backward()
            if max_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            recording.log(loss=loss, acc=acc, lr=optimizer.param_groups[0]["lr"])
            if fault == "healthy_warm_restarts":
                restarts.step()
            if step % 25 == 0 or step == 299:
                with torch.no_grad():
                    val_loss, val_acc = bce(x_val, y_val)
                    recording.log(val_loss=val_loss, val_acc=val_acc)
                    if fault == "healthy_train_eval":
                        train_loss, train_acc = bce(x, y)
                        recording.log(train_loss=train_loss, train_acc=train_acc)
