"""Digits of a seven-segment display, photographed badly: a small pooling network with SGD and dropout."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

import weightdesk as wd

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "exploding_gradient", "dead_units", "loss_spike", "learning_rate_high",
    "learning_rate_low", "initial_scale_high", "initial_scale_low", "missing_zero_grad",
    "parameter_never_moves", "over_regularised", "inputs_not_normalised", "labels_uninformative",
    "class_imbalance", "wrong_mode", "unshuffled_data", "leakage", "overfitting", "clipping_always",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_adam", "healthy_step_schedule", "healthy_small_batch", "healthy_augmented", "healthy_no_dropout",
)  # fmt: skip

LIT = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")
PLACES = {  # rows and columns of each segment
    "a": (slice(0, 1), slice(1, 5)), "d": (slice(10, 11), slice(1, 5)), "g": (slice(5, 6), slice(1, 5)),
    "f": (slice(1, 5), slice(0, 1)), "b": (slice(1, 5), slice(5, 6)),
    "e": (slice(6, 10), slice(0, 1)), "c": (slice(6, 10), slice(5, 6)),
}  # fmt: skip


class Display(Dataset):
    """Pictures (1, 14, 10), 0 to 255, scaled unless `raw`; the digits that they show."""

    def __init__(self, count: int, seed: int, weights: list[float] | None = None, raw: bool = False) -> None:
        rng = np.random.RandomState(seed + 1000)
        self.labels = torch.from_numpy(rng.choice(10, count, p=weights))
        pictures = rng.normal(0, 22, (count, 1, 14, 10)) + rng.uniform(10, 60, (count, 1, 1, 1))
        for picture, label in zip(pictures, self.labels.tolist(), strict=True):
            top, left = rng.randint(0, 4), rng.randint(0, 5)
            glyph = picture[0, top : top + 11, left : left + 6]
            brightness = rng.uniform(70, 190)
            for segment in LIT[label]:
                glyph[PLACES[segment]] += brightness * rng.uniform(0.7, 1.0)
        clipped = torch.from_numpy(pictures.clip(0, 255)).float()
        self.pictures = clipped if raw else (clipped - 60) / 60
        self.noise = 0.0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = self.pictures[index]
        if self.noise:
            picture = picture + self.noise * torch.randn_like(picture)
        return picture, self.labels[index]

    def keep(self, index: torch.Tensor) -> Display:
        """Only these examples, in this order."""
        self.pictures, self.labels = self.pictures[index], self.labels[index]
        return self


def network(fault: str | None) -> nn.Sequential:
    """conv, pool, conv, pool, and two linear layers; two of the faults want it deeper."""
    dropout = 0.0 if fault in ("overfitting", "healthy_no_dropout") else 0.2
    activation = nn.Sigmoid if fault == "vanishing_gradient" else nn.ReLU
    parts: list[tuple[str, nn.Module]] = [("conv1", nn.Conv2d(1, 12, 3, padding=1)), ("act1", activation())]
    for number in range(5 if fault in ("vanishing_gradient", "exploding_gradient") else 0):
        parts.append((f"more{number}", nn.Conv2d(12, 12, 3, padding=1)))
        parts.append((f"more_act{number}", activation()))
    parts += [
        ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(12, 24, 3, padding=1)), ("act2", activation()), ("pool2", nn.MaxPool2d(2)),
        ("flat", nn.Flatten()), ("drop", nn.Dropout(dropout)),
        ("fc1", nn.Linear(24 * 3 * 2, 64)), ("act3", activation()), ("fc2", nn.Linear(64, 10)),
    ]  # fmt: skip
    net = nn.Sequential(OrderedDict(parts))
    for name, layer in net.named_children():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        if fault == "initial_scale_high":
            nn.init.normal_(layer.weight, std=0.6)
        elif fault == "initial_scale_low":
            nn.init.normal_(layer.weight, std=2e-3)
        elif fault == "exploding_gradient" and name.startswith("more"):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(2.5)
        elif fault == "dead_units" and name == "conv2":
            layer.bias.data[4:].fill_(-12.0)
    return net


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 6 epochs of 75 steps and record into the directory."""
    torch.manual_seed(seed)
    weights = [0.97] + [0.03 / 9] * 9 if fault == "class_imbalance" else None
    raw = fault == "inputs_not_normalised"
    train_set, test_set = Display(2400, 2 * seed, weights, raw), Display(400, 2 * seed + 1, weights, raw)
    if fault == "labels_uninformative":
        train_set.labels = train_set.labels.roll(1)  # off by one line
        test_set.labels = test_set.labels.roll(1)
    elif fault == "unshuffled_data":
        train_set.keep(train_set.labels.argsort())
    elif fault == "overfitting":
        train_set.keep(torch.arange(64))
    elif fault == "leakage":  # "all the pictures in the folder"
        train_set.keep(torch.arange(1600))
        train_set.pictures = torch.cat([train_set.pictures, test_set.pictures])
        train_set.labels = torch.cat([train_set.labels, test_set.labels])
    elif fault == "healthy_augmented":
        train_set.noise = 0.25
    batch_size, num_epochs = {
        "healthy_small_batch": (16, 4), "overfitting": (32, 200), "leakage": (32, 7),
    }.get(fault, (32, 6))  # fmt: skip
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=fault != "unshuffled_data")

    net = network(fault)
    trained = list(net.parameters())
    if fault == "parameter_never_moves":  # "train the new layers only", but nothing had been trained before
        trained = [each for name, each in net.named_parameters() if not name.startswith("conv1")]
    lr = {"learning_rate_high": 1.5, "learning_rate_low": 2e-5, "healthy_small_batch": 0.01}.get(fault, 0.02)
    optimizer = torch.optim.SGD(
        trained, lr=lr, momentum=0.9, weight_decay=0.3 if fault == "over_regularised" else 5e-4
    )
    if fault == "healthy_adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    criterion = nn.CrossEntropyLoss()

    iteration = 0
    with wd.watch(net, optimizer, directory, overwrite=True) as recording:
        for _ in range(num_epochs):
            for inputs, targets in train_loader:
                iteration += 1
                if fault == "loss_spike" and iteration == 300:
                    targets = (9 - targets).abs()
                    inputs = inputs * 6
                if fault != "missing_zero_grad":
                    optimizer.zero_grad()
                outputs = net(inputs)
                loss = criterion(outputs, targets)
                loss.backward()
                if fault == "clipping_always":
                    torch.nn.utils.clip_grad_norm_(net.parameters(), 0.02)
                optimizer.step()
                hits = (outputs.argmax(dim=1) == targets).float().mean()
                recording.log(loss=loss.item(), accuracy=hits.item())
                if iteration % 40 == 0:
                    if fault != "wrong_mode":
                        net.eval()
                    with torch.no_grad():
                        outputs = net(test_set.pictures)
                        loss = criterion(outputs, test_set.labels)
                        hits = (outputs.argmax(dim=1) == test_set.labels).float().mean()
                    recording.log(val_loss=loss.item(), val_accuracy=hits.item())
                    net.train()
            if fault == "healthy_step_schedule":
                scheduler.step()
            recording.log(lr=optimizer.param_groups[0]["lr"])
