"""The waveform of a two-channel signal by 1-D convolutions with tanh, SGD, momentum and a cosine schedule."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd
from programs.data import waves

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "exploding_gradient", "saturated_units", "divergence", "loss_spike",
    "learning_rate_high", "learning_rate_low", "symmetric_initialisation", "initial_scale_low",
    "missing_zero_grad", "over_regularised", "inputs_not_normalised", "labels_uninformative",
    "class_imbalance", "missing_nonlinearity", "wrong_mode", "tiny_batch_norm", "unshuffled_data",
    "overfitting", "underfitting", "clipping_always", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_adamw_decay", "healthy_clipped", "healthy_small_batch", "healthy_accumulation",
    "healthy_imbalanced_mild",
)  # fmt: skip


class WaveNet(nn.Module):
    """Convolutions along time, the mean of their squares, batch norm, dropout, and the classes."""

    def __init__(self, channels: tuple[int, ...], activation: type[nn.Module], dropout: float = 0.2) -> None:
        super().__init__()
        layers, before = [], 2
        for place, after in enumerate(channels):
            layers += [nn.Conv1d(before, after, 5, stride=1 + (place < 2), padding=2), activation()]
            before = after
        self.convolutions = nn.Sequential(*layers)
        self.norm, self.dropout = nn.BatchNorm1d(before), nn.Dropout(dropout)
        self.head = nn.Linear(before, 4)

    def forward(self, signals: Tensor) -> Tensor:
        """Logits (batch, 4)."""
        power = self.convolutions(signals).square().mean(2)  # whatever the phase
        return self.head(self.dropout(self.norm(power)))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 300 steps and record into the directory."""
    torch.manual_seed(seed)
    signals, labels, test_signals, test_labels = _data(fault, seed)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    steps = {"tiny_batch_norm": 500, "healthy_small_batch": 600}.get(fault, 300)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    size = {"tiny_batch_norm": 2, "healthy_small_batch": 16, "healthy_accumulation": 24}.get(fault, 48)
    micro = 2 if fault == "healthy_accumulation" else 1
    batches = _batches(len(signals), min(size, len(signals)), shuffle=fault != "unshuffled_data")
    clip = {"clipping_always": 0.01, "healthy_clipped": 2.0}.get(fault)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(steps):
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            for _ in range(micro):
                chosen = next(batches)
                taken = signals[chosen]
                if fault == "loss_spike" and step == 160:
                    taken = taken.roll(1, 0)  # one batch lies beside the labels of another
                outputs = model(taken)
                loss = functional.cross_entropy(outputs, labels[chosen])
                (loss / micro).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            recording.log(loss=loss, accuracy=(outputs.argmax(1) == labels[chosen]).float().mean())
            optimizer.step()
            scheduler.step()
            if fault == "optimizer_reset" and step % 25 == 0:
                optimizer.state.clear()
            if step % 20 == 19:
                recording.log(lr=scheduler.get_last_lr()[0])
                recording.log(**_evaluate(model, test_signals, test_labels, fault))


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    first = {"class_imbalance": 0.97, "healthy_imbalanced_mild": 0.4}.get(fault, 0.25)
    signals, labels = waves(1600, seed, first)
    if fault != "inputs_not_normalised":
        signals = (signals - signals.mean()) / signals.std()
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    rest = torch.arange(30 if fault == "overfitting" else 1200)
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return signals[rest], labels[rest], signals[1200:], labels[1200:]


def _batches(count: int, size: int, shuffle: bool) -> Iterator[Tensor]:
    while True:  # a last, smaller batch is left out
        order = torch.randperm(count) if shuffle else torch.arange(count)
        yield from order[: count - count % size].split(size)


def _model(fault: str | None) -> WaveNet:
    channels = {"vanishing_gradient": (12,) * 9, "exploding_gradient": (12,) * 14, "underfitting": (1, 1),
                "overfitting": (24, 48, 48)}.get(fault, (12, 16, 16))  # fmt: skip
    activation = {"vanishing_gradient": nn.Sigmoid, "missing_nonlinearity": nn.Identity}
    model = WaveNet(channels, activation.get(fault, nn.Tanh), dropout=0.0 if fault == "overfitting" else 0.2)
    for layer in model.convolutions:
        if not isinstance(layer, nn.Conv1d):
            continue
        nn.init.xavier_normal_(layer.weight, gain=4.5 if fault == "exploding_gradient" else 1)
        nn.init.zeros_(layer.bias)
        if fault == "saturated_units":
            nn.init.normal_(layer.weight, std=5.0)
        if fault == "symmetric_initialisation":
            nn.init.constant_(layer.weight, 0.05)
        if fault == "initial_scale_low":
            nn.init.normal_(layer.weight, std=1e-3)
    return model


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_adamw_decay":
        return torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    lr = {"divergence": 2.0, "learning_rate_high": 0.6, "learning_rate_low": 5e-5}.get(fault, 0.05)
    decay = 0.5 if fault == "over_regularised" else 1e-4
    return torch.optim.SGD(model.parameters(), lr, momentum=0.9, weight_decay=decay)


@torch.no_grad()
def _evaluate(model: nn.Module, signals: Tensor, labels: Tensor, fault: str | None) -> dict[str, Tensor]:
    if fault != "wrong_mode":  # else with dropout and the batch's own statistics
        model.eval()
    outputs = model(signals)
    model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {"val_loss": functional.cross_entropy(outputs, labels), "val_accuracy": accuracy}
