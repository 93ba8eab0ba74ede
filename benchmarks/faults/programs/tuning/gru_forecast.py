"""The next hour of a town's power demand from the last 30, by a GRU with Adam and mean squared error."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import weightdesk as wd
from programs.data import demand

FAULTS: tuple[str, ...] = (
    "exploding_gradient", "saturated_units", "nonfinite", "loss_spike",
    "learning_rate_high", "missing_zero_grad", "parameter_never_moves", "over_regularised",
    "loss_output_mismatch", "inputs_not_normalised", "overfitting", "underfitting", "clipping_always",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_clipped", "healthy_adamw_decay", "healthy_schedule", "healthy_small_batch", "healthy_train_eval",
)  # fmt: skip
WINDOW = 30


class Forecaster(nn.Module):
    """A recurrent layer, and a linear one on its last state."""

    def __init__(self, recurrent: nn.RNNBase, detached: bool) -> None:
        super().__init__()
        self.recurrent, self.detached = recurrent, detached
        self.output = nn.Linear(recurrent.hidden_size, 1)

    def forward(self, series: Tensor) -> Tensor:
        """The next value (batch, 1)."""
        _, last = self.recurrent(series)
        return self.output(last[-1].detach() if self.detached else last[-1])


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 300 steps and record into the directory."""
    torch.manual_seed(seed)
    windows, following, test_windows, test_following = _data(fault, seed)
    model = Forecaster(_recurrent(fault), detached=fault == "parameter_never_moves")
    optimizer = _optimizer(model, fault)
    steps = {"overfitting": 600, "healthy_small_batch": 450}.get(fault, 300)
    size = 16 if fault == "healthy_small_batch" else 48
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    clip = {"clipping_always": 0.002, "healthy_clipped": 1.5}.get(fault)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(steps):
            chosen = torch.randint(len(windows), (size,))
            targets = following[chosen]
            if fault == "loss_spike" and step == 180:
                targets = targets * 0 + 8  # the meter was stuck
            loss = _loss(model(windows[chosen]), targets, fault)
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            recording.log(loss=loss, lr=optimizer.param_groups[0]["lr"])
            if fault == "healthy_schedule":
                scheduler.step()
            if step % 25 == 24:
                with torch.no_grad():
                    recording.log(val_loss=_loss(model(test_windows), test_following, fault))
                    if fault == "healthy_train_eval":
                        recording.log(train_loss=_loss(model(windows), following, fault))


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    raw = demand(1600, seed)
    scaled = (raw - raw[:1200].mean()) / raw[:1200].std()
    inputs = raw if fault == "inputs_not_normalised" else scaled
    windows = inputs.unfold(0, WINDOW, 1)[:-1].unsqueeze(2)
    following = scaled[WINDOW:]
    if fault != "loss_output_mismatch":
        following = following.unsqueeze(1)  # (N, 1), as the network gives it
    count = 40 if fault == "overfitting" else 1200 - WINDOW
    return windows[:count], following[:count], windows[1200:], following[1200:]


def _recurrent(fault: str | None) -> nn.RNNBase:
    if fault == "exploding_gradient":
        plain = nn.RNN(1, 24, nonlinearity="relu", batch_first=True)
        nn.init.eye_(plain.weight_hh_l0).data.mul_(1.3)  # the identity, but stretched
        return plain
    gru = nn.GRU(1, {"underfitting": 1, "overfitting": 64}.get(fault, 24), batch_first=True)
    if fault == "saturated_units":
        for parameter in gru.parameters():
            parameter.data.mul_(60)
    return gru


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    lr = {"learning_rate_high": 0.5, "overfitting": 1e-2}.get(fault, 5e-3)
    if fault == "healthy_adamw_decay":
        return torch.optim.AdamW(model.parameters(), lr, weight_decay=0.05)
    return torch.optim.Adam(model.parameters(), lr, weight_decay=1.0 if fault == "over_regularised" else 0.0)


def _loss(outputs: Tensor, targets: Tensor, fault: str | None) -> Tensor:
    if fault == "nonfinite":  # a smooth absolute error by hand; cosh of a large error runs over
        return ((60 * (outputs - targets)).cosh().log() / 60).mean()
    # Of (N, 1) against (N,), as one fault has it, this is the mean over all N² pairs.
    return (outputs - targets).square().mean()
