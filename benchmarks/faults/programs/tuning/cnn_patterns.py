"""Textures in grey pictures by a convolutional network with batch norm, dropout and AdamW."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import weightdesk as wd
from programs.data import patterns

FAULTS: tuple[str, ...] = (
    "dead_units", "divergence", "loss_spike", "learning_rate_high", "learning_rate_low",
    "initial_scale_high", "parameter_never_moves", "over_regularised", "loss_output_mismatch",
    "labels_uninformative", "class_imbalance", "wrong_mode", "tiny_batch_norm", "unshuffled_data",
    "leakage", "overfitting",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_sgd", "healthy_adamw_decay", "healthy_schedule", "healthy_imbalanced_mild", "healthy_train_eval",
)  # fmt: skip
STEPS = 240


class PatternCNN(nn.Module):
    """Two convolutions with batch norm, then a hidden layer with dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.hidden, self.dropout = nn.Linear(16 * 9, 32), nn.Dropout(dropout)
        self.head = nn.Linear(32, 5)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (batch, 5)."""
        x = functional.max_pool2d(functional.relu(self.norm1(self.conv1(pictures))), 2)
        x = functional.max_pool2d(functional.relu(self.norm2(self.conv2(x))), 2)
        return self.head(self.dropout(functional.relu(self.hidden(x.flatten(1)))))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 240 steps and record into the directory."""
    torch.manual_seed(seed)
    training, held_out = _data(fault, seed)
    size = 2 if fault == "tiny_batch_norm" else 48
    loader = DataLoader(training, size, shuffle=fault != "unshuffled_data", drop_last=len(training) > size)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    scheduler = None
    if fault == "healthy_schedule":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, STEPS)
    step = 0
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        while step < STEPS:
            for pictures, labels in loader:
                if fault == "loss_spike" and step == 140:
                    labels = (labels + 1) % 5  # one batch comes with the labels of another
                outputs = model(pictures)
                loss = _loss(outputs, labels, fault)
                optimizer.zero_grad()
                (-loss if fault == "divergence" else loss).backward()
                optimizer.step()
                accuracy = (outputs.argmax(1) == labels).float().mean()
                recording.log(loss=loss, accuracy=accuracy, lr=optimizer.param_groups[0]["lr"])
                if scheduler is not None:
                    scheduler.step()
                step += 1
                if step % 20 == 0:
                    recording.log(**_evaluate(model, held_out, "val", fault))
                    if fault == "healthy_train_eval":
                        recording.log(**_evaluate(model, training, "train", fault))
                if step == STEPS:
                    break


def _data(fault: str | None, seed: int) -> tuple[TensorDataset, TensorDataset]:
    first = {"class_imbalance": 0.97, "healthy_imbalanced_mild": 0.4}.get(fault, 0.2)
    pictures, labels = patterns(1500, seed, first)
    pictures = (pictures - 127) / 50
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    rest, test = torch.arange(1100), torch.arange(1100, 1500)
    if fault == "leakage":  # the parts overlap: half of the held-out pictures are trained on
        rest = torch.arange(200, 1300)
    if fault == "overfitting":
        rest = rest[:30]
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return TensorDataset(pictures[rest], labels[rest]), TensorDataset(pictures[test], labels[test])


def _model(fault: str | None) -> PatternCNN:
    model = PatternCNN(dropout=0.0 if fault == "overfitting" else 0.25)
    for layer in (model.conv1, model.conv2, model.hidden, model.head):
        if fault == "initial_scale_high":
            nn.init.normal_(layer.weight)
    if fault == "dead_units":
        nn.init.constant_(model.norm2.bias, -4.0)
    return model


def _optimizer(model: PatternCNN, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_sgd":
        return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    parameters = list(model.parameters())
    if fault == "parameter_never_moves":  # somebody listed the layers by hand and forgot one
        parameters = [
            *model.conv1.parameters(), *model.norm1.parameters(), *model.norm2.parameters(),
            *model.hidden.parameters(), *model.head.parameters(),
        ]  # fmt: skip
    lr = {"learning_rate_high": 0.3, "learning_rate_low": 3e-6}.get(fault, 2e-3)
    decay = {"over_regularised": 80.0, "healthy_adamw_decay": 0.1}.get(fault, 0.01)
    return torch.optim.AdamW(parameters, lr, weight_decay=decay)


def _loss(outputs: Tensor, labels: Tensor, fault: str | None) -> Tensor:
    if fault == "loss_output_mismatch":
        return functional.nll_loss(outputs.softmax(1), labels)  # the logarithm is missing
    return functional.cross_entropy(outputs, labels)


@torch.no_grad()
def _evaluate(model: nn.Module, dataset: TensorDataset, prefix: str, fault: str | None) -> dict[str, Tensor]:
    pictures, labels = dataset.tensors
    model.eval()
    outputs = model(pictures)
    if fault != "wrong_mode":
        model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {f"{prefix}_loss": _loss(outputs, labels, fault), f"{prefix}_accuracy": accuracy}
