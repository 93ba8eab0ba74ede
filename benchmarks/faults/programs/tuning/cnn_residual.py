"""Shapes in colour pictures by a small residual network with batch norm and RMSprop."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import weightdesk as wd
from programs.data import shapes

FAULTS: tuple[str, ...] = (
    "dead_units", "nonfinite", "divergence", "learning_rate_high", "learning_rate_low",
    "parameter_never_moves", "loss_output_mismatch", "labels_uninformative", "class_imbalance",
    "wrong_mode", "tiny_batch_norm", "unshuffled_data", "leakage", "overfitting", "underfitting",
    "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_schedule", "healthy_sgd", "healthy_small_batch", "healthy_accumulation",
    "healthy_imbalanced_mild",
)  # fmt: skip


class Block(nn.Module):
    """Two convolutions, and a short cut around them."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(wider), nn.BatchNorm2d(wider)
        self.shortcut = nn.Conv2d(channels, wider, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Half as many pixels a side, more channels."""
        inner = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        return functional.relu(inner + self.shortcut(x))


class ShapeNet(nn.Module):
    """A stem, two blocks, the mean over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.block1, self.block2 = Block(8, 16), Block(16, 24)
        self.head = nn.Linear(24, 4)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (batch, 4)."""
        x = functional.relu(self.norm(self.stem(pictures)))
        return self.head(self.block2(self.block1(x)).mean((2, 3)))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 12 epochs of 25 steps and record into the directory."""
    torch.manual_seed(seed)
    training, held_out = _data(fault, seed)
    model = ShapeNet()
    if fault == "dead_units":
        nn.init.constant_(model.block1.norm1.bias, -5.0)
        nn.init.constant_(model.block2.norm1.bias, -5.0)
    optimizer = _optimizer(model, fault)
    size = {"tiny_batch_norm": 3, "healthy_small_batch": 16, "healthy_accumulation": 16}.get(fault, 48)
    loader = DataLoader(training, size, shuffle=fault != "unshuffled_data", drop_last=len(training) > size)
    micro = 3 if fault == "healthy_accumulation" else 1
    steps = {"underfitting": 20, "tiny_batch_norm": 400, "healthy_small_batch": 450}.get(fault, 300)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 100, gamma=0.3)
    step = calls = 0
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        while step < steps:
            if fault == "optimizer_reset":
                optimizer.state.clear()
            for pictures, labels in loader:
                outputs = model(pictures)
                loss = _loss(outputs, labels, fault)
                (loss / micro).backward()
                recording.log(loss=loss, accuracy=(outputs.argmax(1) == labels).float().mean())
                calls += 1
                if calls % micro:
                    continue
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                if fault == "healthy_schedule":
                    schedule.step()
                if step % (10 if fault == "underfitting" else 25) == 0:
                    rate = optimizer.param_groups[0]["lr"]
                    recording.log(lr=rate, **_evaluate(model, held_out, fault))
                if step == steps:
                    break


def _data(fault: str | None, seed: int) -> tuple[TensorDataset, TensorDataset]:
    first = {"class_imbalance": 0.97, "healthy_imbalanced_mild": 0.4}.get(fault, 0.25)
    pictures, labels = shapes(1600, seed, first)
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    if fault == "nonfinite":
        pictures[700] = 0  # the lens cap was on: this picture's contrast is 0
    mean, contrast = pictures.mean((2, 3), keepdim=True), pictures.std((1, 2, 3), keepdim=True)
    pictures = (pictures - mean) / contrast
    rest = torch.arange(1200)
    if fault == "leakage":  # half of the held-out pictures
        rest = torch.cat([rest, torch.arange(1400, 1600)])
    if fault == "overfitting":
        rest = rest[:40]
    if fault == "unshuffled_data":
        rest = rest[labels[rest].argsort()]
    return TensorDataset(pictures[rest], labels[rest]), TensorDataset(pictures[1200:], labels[1200:])


def _optimizer(model: ShapeNet, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_sgd":
        return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    trained = [each for name, each in model.named_parameters() if not name.startswith("block1.conv")]
    if fault != "parameter_never_moves":
        trained = list(model.parameters())
    lr = {"learning_rate_high": 0.15, "learning_rate_low": 2e-6}.get(fault, 1e-3)
    return torch.optim.RMSprop(trained, lr, alpha=0.95, maximize=fault == "divergence")


def _loss(outputs: Tensor, labels: Tensor, fault: str | None) -> Tensor:
    if fault == "loss_output_mismatch":
        return functional.nll_loss(outputs, labels)  # of logits; log_softmax was forgotten
    return functional.cross_entropy(outputs, labels)


@torch.no_grad()
def _evaluate(model: nn.Module, dataset: TensorDataset, fault: str | None) -> dict[str, Tensor]:
    pictures, labels = dataset.tensors
    model.eval()
    outputs = model(pictures)
    if fault != "wrong_mode":
        model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {"val_loss": _loss(outputs, labels, fault), "val_accuracy": accuracy}
