"""Is there a scratch on this metal? Depthwise-separable convolutions with batch norm, one logit, AdamW."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

import weightdesk as wd

SIDE = 18
FAULTS: tuple[str, ...] = (
    "dead_units", "nonfinite", "divergence", "learning_rate_high", "learning_rate_low",
    "parameter_never_moves", "over_regularised", "loss_output_mismatch", "labels_uninformative",
    "class_imbalance", "missing_nonlinearity", "wrong_mode", "tiny_batch_norm", "unshuffled_data",
    "overfitting", "underfitting", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_sgd_nesterov", "healthy_cosine", "healthy_accumulation", "healthy_imbalanced_mild",
    "healthy_train_eval",
)  # fmt: skip


class Batch(NamedTuple):
    """Pictures (n, 1, 18, 18), and 1.0 where there is a scratch (n,)."""

    pictures: Tensor
    scratched: Tensor

    def take(self, index: Tensor) -> Batch:
        """Some of them."""
        return Batch(self.pictures[index], self.scratched[index])


def photograph(count: int, share: float, generator: torch.Generator) -> Batch:
    """Brushed metal, with lighter and darker specks; a scratch is a straight line, lighter or darker."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    picture = 0.25 * torch.randn(count, SIDE, SIDE, generator=generator) + uniform(-0.5, 0.5, 1, 1)
    picture += uniform(-0.3, 0.3, SIDE, 1)  # brushed in rows
    for _ in range(4):
        near = (row - uniform(2, 16, 1, 1)).square() + (column - uniform(2, 16, 1, 1)).square()
        picture += uniform(-1.2, 1.2, 1, 1) * torch.exp(-near / 1.5)
    scratched = (torch.rand(count, generator=generator) < share).float()
    angle = uniform(0, math.pi, 1, 1)
    away = (row - uniform(6, 12, 1, 1)) * angle.cos() + (column - uniform(6, 12, 1, 1)) * angle.sin()
    sign = uniform(-1, 1, 1, 1).sign()
    picture += scratched[:, None, None] * sign * uniform(1.0, 1.8, 1, 1) * torch.exp(-away.square() / 0.7)
    return Batch(picture.unsqueeze(1), scratched)


def separable(channels: int, wider: int, stride: int, activation: type[nn.Module]) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each with norm and activation."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        activation(),
        nn.Conv2d(channels, wider, 1, bias=False),
        nn.BatchNorm2d(wider),
        activation(),
    )


class ScratchNet(nn.Module):
    """Stem, two separable blocks, mean, logit."""

    def __init__(self, widths: tuple[int, int, int], activation: type[nn.Module]) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first), activation()
        )
        self.features = nn.Sequential(
            separable(first, second, 1, activation), separable(second, third, 2, activation)
        )
        self.classifier = nn.Linear(third, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (n,)."""
        return self.classifier(self.features(self.stem(pictures)).mean(dim=(-2, -1))).flatten()


class Trainer:
    """Holds what the loop needs."""

    def __init__(self, fault: str | None, seed: int) -> None:
        self.fault = fault
        generator = torch.Generator().manual_seed(100 + seed)
        share = {"class_imbalance": 0.02, "healthy_imbalanced_mild": 0.3}.get(fault, 0.5)
        self.training, self.held_out = photograph(2400, share, generator), photograph(400, share, generator)
        if fault == "labels_uninformative":
            for part in (self.training, self.held_out):
                part.scratched.copy_(part.scratched[torch.randperm(len(part.scratched))])
        if fault == "unshuffled_data":  # one folder after the other
            self.training = self.training.take(self.training.scratched.argsort())
        if fault == "overfitting":
            self.training = self.training.take(torch.arange(48))
        widths = {"underfitting": (1, 1, 1), "overfitting": (24, 48, 64)}.get(fault, (12, 16, 24))
        activation = nn.Identity if fault == "missing_nonlinearity" else nn.ReLU6
        self.model = ScratchNet(widths, activation)
        if fault == "dead_units":
            for block in self.model.features:
                nn.init.constant_(block[1].bias, -4.5)
        self.optimizer = self.make_optimizer()
        self.batch_size = {"tiny_batch_norm": 2, "healthy_accumulation": 16}.get(fault, 32)
        self.order = iter(())
        if fault == "parameter_never_moves":
            for parameter in self.model.stem.parameters():
                parameter.requires_grad = False

    def make_optimizer(self) -> torch.optim.Optimizer:
        """AdamW, or what the fault makes of it."""
        if self.fault == "healthy_sgd_nesterov":
            return torch.optim.SGD(
                self.model.parameters(), lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-4
            )
        lr = {"learning_rate_high": 2.0, "learning_rate_low": 1e-6}.get(self.fault, 4e-3)
        decay = 60.0 if self.fault == "over_regularised" else 0.02
        return torch.optim.AdamW(
            self.model.parameters(), lr=lr, weight_decay=decay, maximize=self.fault == "divergence"
        )

    def next_batch(self) -> Batch:
        """Without replacement, epoch after epoch."""
        index = next(self.order, None)
        if index is None:
            count = len(self.training.scratched)
            order = torch.arange(count) if self.fault == "unshuffled_data" else torch.randperm(count)
            self.order = iter(order.split(self.batch_size))
            index = next(self.order)
        return self.training.take(index)

    def criterion(self, logits: Tensor, target: Tensor) -> Tensor:
        """Binary cross entropy."""
        if self.fault == "nonfinite":  # by hand, of probabilities in bfloat16
            p = torch.sigmoid(logits).bfloat16()
            return -(target * p.log() + (1 - target) * (1 - p).log()).mean()
        if self.fault == "loss_output_mismatch":
            logits = torch.sigmoid(logits)
        return nn.functional.binary_cross_entropy_with_logits(logits, target)

    @torch.no_grad()
    def validate(self, data: Batch, name: str) -> dict[str, float]:
        """Loss and accuracy, by the running means of the norms."""
        self.model.train(self.fault == "wrong_mode")
        logits = self.model(data.pictures)
        self.model.train()
        right = (logits > 0) == (data.scratched > 0.5)
        return {
            f"{name}_loss": self.criterion(logits, data.scratched).item(),
            f"{name}_accuracy": right.float().mean().item(),
        }


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 300 steps and record into the directory."""
    torch.manual_seed(seed)
    trainer = Trainer(fault, seed)
    model, optimizer = trainer.model, trainer.optimizer
    steps = 400 if fault == "tiny_batch_norm" else 300
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-5)
    pieces = 2 if fault == "healthy_accumulation" else 1
    with wd.watch(model, optimizer, directory, overwrite=True) as run:
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            for _ in range(pieces):
                pictures, scratched = trainer.next_batch()
                logits = model(pictures)
                loss = trainer.criterion(logits, scratched)
                (loss / pieces).backward()
            optimizer.step()
            right = (logits > 0) == (scratched > 0.5)
            run.log(loss=loss.item(), accuracy=right.float().mean().item())
            if fault == "healthy_cosine":
                cosine.step()
            if fault == "optimizer_reset" and step % 10 == 0:
                optimizer = trainer.make_optimizer()
            if step % 20 == 0:
                run.log(lr=optimizer.param_groups[0]["lr"], **trainer.validate(trainer.held_out, "val"))
                if fault == "healthy_train_eval":
                    run.log(**trainer.validate(trainer.training, "train"))
