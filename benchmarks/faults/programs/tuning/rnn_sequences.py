"""Two pulses in three noisy channels, told apart by an LSTM with Adam; the early pulse must be remembered."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import weightdesk as wd
from programs.data import pulses

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "exploding_gradient", "saturated_units", "learning_rate_high",
    "symmetric_initialisation", "missing_zero_grad", "parameter_never_moves", "inputs_not_normalised",
    "labels_uninformative", "class_imbalance", "wrong_mode", "tiny_batch_norm", "unshuffled_data",
    "leakage", "clipping_always",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_clipped", "healthy_accumulation", "healthy_schedule", "healthy_small_batch",
    "healthy_imbalanced_mild",
)  # fmt: skip
EPOCHS = 14


class PulseReader(nn.Module):
    """A recurrent layer; its last state goes through batch norm and dropout to the classes."""

    def __init__(self, recurrent: nn.RNNBase, detached: bool) -> None:
        super().__init__()
        self.recurrent, self.detached = recurrent, detached
        self.norm, self.dropout = nn.BatchNorm1d(recurrent.hidden_size), nn.Dropout(0.2)
        self.head = nn.Linear(recurrent.hidden_size, 4)

    def forward(self, signals: Tensor) -> Tensor:
        """Logits (batch, 4)."""
        states, _ = self.recurrent(signals)
        last = states[:, -1].detach() if self.detached else states[:, -1]
        return self.head(self.dropout(self.norm(last)))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 14 epochs of 20 steps and record into the directory."""
    torch.manual_seed(seed)
    training, held_out = _data(fault, seed)
    size = {"tiny_batch_norm": 2, "healthy_small_batch": 20, "healthy_accumulation": 25}.get(fault, 50)
    every = 2 if fault == "healthy_accumulation" else 1
    epochs = {"tiny_batch_norm": 1, "healthy_small_batch": 9}.get(fault, EPOCHS)
    loader = DataLoader(training, size, shuffle=fault != "unshuffled_data", drop_last=True)
    model = PulseReader(_recurrent(fault), detached=fault == "parameter_never_moves")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.3 if fault == "learning_rate_high" else 3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    clip = {"clipping_always": 0.003, "healthy_clipped": 2.0}.get(fault)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for _ in range(epochs):
            for number, (signals, labels) in enumerate(loader, 1):
                outputs = model(signals)
                loss = functional.cross_entropy(outputs, labels)
                (loss / every).backward()
                recording.log(loss=loss, accuracy=(outputs.argmax(1) == labels).float().mean())
                if number % every == 0:
                    if clip is not None:
                        nn.utils.clip_grad_norm_(model.parameters(), clip)
                    optimizer.step()
                    if fault != "missing_zero_grad":
                        optimizer.zero_grad()
                if fault == "tiny_batch_norm" and number % 40 == 0:
                    recording.log(**_evaluate(model, held_out, fault))
            recording.log(lr=optimizer.param_groups[0]["lr"], **_evaluate(model, held_out, fault))
            if fault == "healthy_schedule":
                scheduler.step()


def _data(fault: str | None, seed: int) -> tuple[TensorDataset, TensorDataset]:
    first = {"class_imbalance": 0.97, "healthy_imbalanced_mild": 0.4}.get(fault, 0.25)
    signals, labels = pulses(1300, seed, first)
    if fault != "inputs_not_normalised":
        signals = (signals - signals.mean((0, 1))) / signals.std((0, 1))
    if fault == "labels_uninformative":
        labels = torch.zeros_like(labels)  # the column was read wrongly: every label is the same
    rest = torch.arange(1000)
    if fault == "leakage":
        rest = torch.arange(300, 1300)  # counted from the wrong end: all held-out signals are inside
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return TensorDataset(signals[rest], labels[rest]), TensorDataset(signals[1000:], labels[1000:])


def _recurrent(fault: str | None) -> nn.RNNBase:
    if fault == "vanishing_gradient":
        plain = nn.RNN(3, 24, batch_first=True)
        nn.init.normal_(plain.weight_hh_l0, std=0.01)
        return plain
    if fault == "exploding_gradient":  # nothing holds the states back, and each step stretches them
        plain = nn.RNN(3, 24, nonlinearity="relu", batch_first=True)
        nn.init.eye_(plain.weight_hh_l0).data.mul_(1.4)
        return plain
    lstm = nn.LSTM(3, 24, batch_first=True)
    if fault == "saturated_units":
        nn.init.normal_(lstm.weight_ih_l0, std=20.0)
    if fault == "symmetric_initialisation":
        for parameter in lstm.parameters():
            nn.init.constant_(parameter, 0.1)
    return lstm


@torch.no_grad()
def _evaluate(model: nn.Module, dataset: TensorDataset, fault: str | None) -> dict[str, Tensor]:
    signals, labels = dataset.tensors
    model.eval()
    outputs = model(signals)
    if fault != "wrong_mode":
        model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {"val_loss": functional.cross_entropy(outputs, labels), "val_accuracy": accuracy}
