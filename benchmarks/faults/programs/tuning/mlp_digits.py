"""Handwritten digits (scikit-learn's, 8 × 8 pixels) by a multilayer perceptron with ReLU and Adam."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "dead_units", "nonfinite", "divergence", "loss_spike", "learning_rate_high",
    "symmetric_initialisation", "initial_scale_high", "initial_scale_low", "missing_zero_grad",
    "over_regularised", "loss_output_mismatch", "inputs_not_normalised", "labels_uninformative",
    "missing_nonlinearity", "unshuffled_data", "leakage", "overfitting", "underfitting", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_sgd", "healthy_fullbatch", "healthy_small_batch", "healthy_accumulation", "healthy_train_eval",
)  # fmt: skip


class DigitsMLP(nn.Module):
    """Linear layers with one activation between them."""

    def __init__(self, widths: tuple[int, ...], activation: type[nn.Module]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((64, *widths)):
            layers += [nn.Linear(fan_in, fan_out), activation()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (batch, 10)."""
        return self.head(self.body(pixels))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for some 300 steps and record into the directory."""
    torch.manual_seed(seed)
    inputs, labels, test_inputs, test_labels = _data(fault)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    batch = {"healthy_fullbatch": len(inputs), "healthy_small_batch": 16, "healthy_accumulation": 21}
    steps = 500 if fault == "healthy_small_batch" else 300
    micro = 3 if fault == "healthy_accumulation" else 1
    stream = _batches(len(inputs), batch.get(fault, 64), shuffle=fault != "unshuffled_data")
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(steps):
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            total = correct = seen = 0
            for _ in range(micro):
                chosen, ends_epoch = next(stream)
                outputs = model(inputs[chosen])
                loss = _loss(outputs, labels[chosen], fault)
                (loss / micro).backward()
                total += loss.item() / micro
                correct += (outputs.argmax(1) == labels[chosen]).sum().item()
                seen += len(chosen)
            if fault == "loss_spike" and step == 170:
                optimizer.param_groups[0]["lr"] *= 200
            recording.log(loss=total, accuracy=correct / seen, lr=optimizer.param_groups[0]["lr"])
            optimizer.step()
            if fault == "loss_spike" and step == 170:
                optimizer.param_groups[0]["lr"] /= 200
            if fault == "optimizer_reset" and ends_epoch:
                optimizer.state.clear()
            if step % 20 == 19:
                recording.log(**_evaluate(model, test_inputs, test_labels, "val", fault))
                if fault == "healthy_train_eval":
                    recording.log(**_evaluate(model, inputs, labels, "train", fault))


def _data(fault: str | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    digits = load_digits()
    inputs = torch.tensor(digits.data / 16 * 255, dtype=torch.float32)  # as an 8-bit picture has them
    labels = torch.tensor(digits.target)
    if fault != "inputs_not_normalised":
        inputs = (inputs - inputs.mean()) / inputs.std()
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    order = torch.randperm(len(inputs))
    rest, test = order[:1350], order[1350:]
    if fault == "overfitting":
        rest = rest[:80]
    if fault == "leakage":
        rest = order  # the held-out digits are among them
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return inputs[rest], labels[rest], inputs[test], labels[test]


def _batches(count: int, size: int, shuffle: bool) -> Iterator[tuple[Tensor, bool]]:
    while True:
        parts = (torch.randperm(count) if shuffle else torch.arange(count)).split(size)
        for number, chosen in enumerate(parts, 1):
            yield chosen, number == len(parts)


def _model(fault: str | None) -> DigitsMLP:
    widths = {"vanishing_gradient": (64,) * 9, "underfitting": (1,), "overfitting": (512, 512)}
    activation = {"vanishing_gradient": nn.Sigmoid, "missing_nonlinearity": nn.Identity}
    model = DigitsMLP(widths.get(fault, (64, 48)), activation.get(fault, nn.ReLU))
    scales = {"initial_scale_high": 1.0, "initial_scale_low": 3e-4}
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and fault in scales:
            nn.init.normal_(layer.weight, std=scales[fault])
        if isinstance(layer, nn.Linear) and fault == "symmetric_initialisation":
            nn.init.constant_(layer.weight, 0.02)
            nn.init.zeros_(layer.bias)
    if fault == "dead_units":
        nn.init.constant_(model.body[0].bias, -3.0)
    return model


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_sgd":
        return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    lr = {"learning_rate_high": 0.1, "healthy_fullbatch": 4e-3}
    decay = 1.0 if fault == "over_regularised" else 0.0
    wrong_sign = fault == "divergence"
    return torch.optim.Adam(model.parameters(), lr.get(fault, 2e-3), weight_decay=decay, maximize=wrong_sign)


def _loss(outputs: Tensor, labels: Tensor, fault: str | None) -> Tensor:
    if fault == "loss_output_mismatch":
        outputs = outputs.softmax(1)
    if fault == "nonfinite":  # 1 − p is 0 in half precision once the network is sure
        chances = outputs.softmax(1).half()
        wanted = functional.one_hot(labels, 10)
        return -(wanted * chances.log() + (1 - wanted) * (1 - chances).log()).float().sum(1).mean()
    return functional.cross_entropy(outputs, labels)


@torch.no_grad()
def _evaluate(
    model: nn.Module, inputs: Tensor, labels: Tensor, prefix: str, fault: str | None
) -> dict[str, Tensor]:
    model.eval()
    outputs = model(inputs)
    model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {f"{prefix}_loss": _loss(outputs, labels, fault), f"{prefix}_accuracy": accuracy}
