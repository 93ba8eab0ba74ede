"""Breast cancer (scikit-learn's, 30 measures of a cell) by a deeper perceptron with one logit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "dead_units", "nonfinite", "learning_rate_high", "symmetric_initialisation",
    "initial_scale_high", "initial_scale_low", "missing_zero_grad", "over_regularised",
    "loss_output_mismatch", "inputs_not_normalised", "labels_uninformative", "class_imbalance",
    "missing_nonlinearity", "wrong_mode", "unshuffled_data", "leakage", "overfitting",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_sgd", "healthy_adamw_decay", "healthy_imbalanced_mild", "healthy_fullbatch",
    "healthy_train_eval",
)  # fmt: skip


class CancerMLP(nn.Module):
    """Hidden layers with dropout; one output, the logit of a benign cell."""

    def __init__(self, depth: int, width: int, activation: type[nn.Module], dropout: float) -> None:
        super().__init__()
        self.inputs = nn.Linear(30, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.activation, self.dropout = activation(), nn.Dropout(dropout)
        self.logit = nn.Linear(width, 1)

    def forward(self, measures: Tensor) -> Tensor:
        """Logits (batch,)."""
        x = self.activation(self.inputs(measures))
        for layer in self.hidden:
            x = self.dropout(self.activation(layer(x)))
        return self.logit(x).squeeze(1)


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 250 steps and record into the directory."""
    torch.manual_seed(seed)
    inputs, labels, test_inputs, test_labels = _data(fault, seed)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    size = len(inputs) if fault == "healthy_fullbatch" else 32
    batches = _batches(len(inputs), size, shuffle=fault != "unshuffled_data")
    steps = {"overfitting": 500, "healthy_fullbatch": 150}.get(fault, 250)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(steps):
            chosen = next(batches)
            outputs = model(inputs[chosen])
            loss = _loss(outputs, labels[chosen], fault)
            accuracy = ((outputs > 0) == labels[chosen]).float().mean()
            recording.log(loss=loss, accuracy=accuracy)
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 15 == 14 or step == steps - 1:
                recording.log(**_evaluate(model, test_inputs, test_labels, "val", fault))
                if fault == "healthy_train_eval":
                    recording.log(**_evaluate(model, inputs, labels, "train", fault))


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    cancer = load_breast_cancer()
    inputs = torch.tensor(cancer.data, dtype=torch.float32)  # areas near 1000, smoothness near 0.1
    labels = torch.tensor(cancer.target, dtype=torch.float32)
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    if fault in ("class_imbalance", "healthy_imbalanced_mild"):
        benign = order[labels[order] == 1]
        malignant = order[labels[order] == 0]
        kept = 12 if fault == "class_imbalance" else 212
        benign = benign[: 318 if fault == "healthy_imbalanced_mild" else None]
        order = torch.cat([benign, malignant[:kept]])
        order = order[torch.randperm(len(order))]
    test, rest = order[: len(order) // 4], order[len(order) // 4 :]
    if fault != "inputs_not_normalised":
        inputs = (inputs - inputs[rest].mean(0)) / inputs[rest].std(0)
    if fault == "overfitting":
        rest = rest[:40]
    if fault == "leakage":
        rest = torch.cat([rest, test[: len(test) // 2]])  # duplicates that nobody took out
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return inputs[rest], labels[rest], inputs[test], labels[test]


def _batches(count: int, size: int, shuffle: bool) -> Iterator[Tensor]:
    while True:
        yield from (torch.randperm(count) if shuffle else torch.arange(count)).split(size)


def _model(fault: str | None) -> CancerMLP:
    depth = 8 if fault == "vanishing_gradient" else 5
    activation = {"vanishing_gradient": nn.Sigmoid, "missing_nonlinearity": nn.Identity}
    width, dropout = (256, 0.0) if fault == "overfitting" else (24, 0.3)
    model = CancerMLP(depth, width, activation.get(fault, nn.ReLU), dropout)
    for layer in (model.inputs, *model.hidden):
        if fault == "initial_scale_high":
            nn.init.normal_(layer.weight)
        elif fault == "initial_scale_low":
            nn.init.normal_(layer.weight, std=1e-3)
        elif fault == "symmetric_initialisation":
            nn.init.constant_(layer.weight, 0.05)
            nn.init.zeros_(layer.bias)
    if fault == "dead_units":
        nn.init.constant_(model.hidden[1].bias, -8.0)
    return model


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_sgd":
        return torch.optim.SGD(model.parameters(), lr=0.06, momentum=0.9, weight_decay=1e-3)
    if fault == "healthy_adamw_decay":
        return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    lr = 0.1 if fault == "learning_rate_high" else 1e-3
    decay = {"over_regularised": 2.0, "overfitting": 0.0}.get(fault, 1e-3)
    return torch.optim.Adam(model.parameters(), lr, weight_decay=decay)


def _loss(logits: Tensor, labels: Tensor, fault: str | None) -> Tensor:
    if fault == "nonfinite":  # by hand: once p rounds to 1, log(1 − p) is −∞
        p = logits.sigmoid()
        return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
    if fault == "loss_output_mismatch":
        logits = logits.sigmoid()
    return functional.binary_cross_entropy_with_logits(logits, labels)


@torch.no_grad()
def _evaluate(
    model: nn.Module, inputs: Tensor, labels: Tensor, prefix: str, fault: str | None
) -> dict[str, Tensor]:
    if fault != "wrong_mode":  # else evaluated with dropout
        model.eval()
    outputs = model(inputs)
    model.train()
    accuracy = ((outputs > 0) == labels).float().mean()
    return {f"{prefix}_loss": _loss(outputs, labels, fault), f"{prefix}_accuracy": accuracy}
