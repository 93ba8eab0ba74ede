"""In which of three nested shells a point lies (scikit-learn's Gaussian quantiles); SGD and batch norm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.datasets import make_gaussian_quantiles
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import weightdesk as wd


@dataclass(frozen=True)
class Config:
    """What a run can be told."""

    lr: float = 0.02
    weight_decay: float = 1e-4
    batch_size: int = 64
    epochs: int = 15
    width: int = 48
    dropout: float = 0.1
    activation: type[nn.Module] = nn.ReLU
    optimizer: str = "sgd"
    inner_share: float | None = None
    examples: int | None = None
    softmax: bool = False
    shuffle: bool = True
    schedule: bool = False


CHANGES: dict[str | None, dict[str, object]] = {
    None: {},
    "dead_units": {},
    "divergence": {},
    "loss_spike": {},
    "learning_rate_low": {"lr": 2e-5},
    "symmetric_initialisation": {},
    "missing_zero_grad": {},
    "over_regularised": {"weight_decay": 0.5},
    "loss_output_mismatch": {"softmax": True},
    "labels_uninformative": {},
    "class_imbalance": {"inner_share": 0.97},
    "missing_nonlinearity": {"activation": nn.Identity},
    "wrong_mode": {},
    "tiny_batch_norm": {"batch_size": 2, "epochs": 1},
    "unshuffled_data": {"shuffle": False},
    "overfitting": {"examples": 80, "batch_size": 40, "width": 192, "epochs": 180, "dropout": 0.0},
    "healthy_adam": {"optimizer": "adam", "lr": 4e-3},
    "healthy_gelu": {"activation": nn.GELU},
    "healthy_schedule": {"schedule": True, "lr": 0.1},
    "healthy_large_batch": {"batch_size": 128, "epochs": 30, "lr": 0.03},
    "healthy_imbalanced_mild": {"inner_share": 0.5},
}
HEALTHY: tuple[str, ...] = tuple(name for name in CHANGES if name and name.startswith("healthy_"))
FAULTS: tuple[str, ...] = tuple(name for name in CHANGES if name and name not in HEALTHY)


def build(config: Config) -> nn.Sequential:
    """Two hidden layers, each normalised before its activation."""
    width = config.width
    layers = [
        nn.Linear(5, width), nn.BatchNorm1d(width), config.activation(),
        nn.Linear(width, width), nn.BatchNorm1d(width), config.activation(), nn.Dropout(config.dropout),
        nn.Linear(width, 3),
    ]  # fmt: skip
    return nn.Sequential(*layers, nn.Softmax(1)) if config.softmax else nn.Sequential(*layers)


def points(config: Config, fault: str | None, seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Training and held-out points, in units of their spread."""
    x, y = make_gaussian_quantiles(n_samples=9000, n_features=5, n_classes=3, random_state=seed)
    random = np.random.RandomState(seed)
    share = config.inner_share or 1 / 3
    wanted = random.choice(3, 2600, p=[share, (1 - share) / 2, (1 - share) / 2])
    pools = [iter(np.flatnonzero(y == shell)) for shell in range(3)]
    chosen = [next(pools[shell]) for shell in wanted]
    x, y = torch.tensor(x[chosen], dtype=torch.float32), torch.tensor(y[chosen])
    if fault == "labels_uninformative":  # the table was sorted by one column, and the labels were not
        y = y[x[:, 0].argsort()]
    train_x, train_y, test_x, test_y = x[:2048], y[:2048], x[2048:], y[2048:]
    train_x, train_y = train_x[: config.examples], train_y[: config.examples]
    if not config.shuffle:
        order = train_y.argsort()
        train_x, train_y = train_x[order], train_y[order]
    return TensorDataset(train_x, train_y), TensorDataset(test_x, test_y)


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 15 epochs of 32 steps and record into the directory."""
    torch.manual_seed(seed)
    config = replace(Config(), **CHANGES[fault])
    training, held_out = points(config, fault, seed)
    loader = DataLoader(training, config.batch_size, shuffle=config.shuffle)
    network = build(config)
    for module in network:
        if fault == "dead_units" and isinstance(module, nn.BatchNorm1d):
            nn.init.constant_(module.bias[: len(module.bias) * 3 // 4], -6.0)
        if fault == "symmetric_initialisation" and isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.1)
            nn.init.zeros_(module.bias)
    if config.optimizer == "adam":
        optimizer = torch.optim.Adam(network.parameters(), config.lr, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            network.parameters(), config.lr, momentum=0.9, weight_decay=config.weight_decay
        )
    milestones = torch.optim.lr_scheduler.MultiStepLR(optimizer, [8, 12], gamma=0.3)
    criterion = nn.CrossEntropyLoss()
    batch = 0
    with wd.watch(network, optimizer, directory, overwrite=True) as recording:
        for epoch in range(config.epochs):
            if fault != "wrong_mode":
                network.train()
            for x, y in loader:
                if fault == "loss_spike" and batch == 230:
                    x = 40 * x  # this file was in other units
                    y = y.flip(0)
                if fault != "missing_zero_grad":
                    optimizer.zero_grad()
                logits = network(x)
                loss = criterion(logits, y)
                (-loss if fault == "divergence" else loss).backward()
                optimizer.step()
                recording.log(loss=loss, accuracy=(logits.argmax(1) == y).float().mean())
                batch += 1
                if len(loader) > 500 and batch % 50 == 0:
                    recording.log(**evaluate(network, held_out, criterion))
                    network.train()
                if batch == 600:
                    return
            if config.schedule:
                milestones.step()
            if epoch % (config.epochs // 12 or 1) == 0:
                recording.log(lr=optimizer.param_groups[0]["lr"], **evaluate(network, held_out, criterion))


@torch.no_grad()
def evaluate(network: nn.Module, dataset: TensorDataset, criterion: nn.Module) -> dict[str, Tensor]:
    """Loss and accuracy on all of the dataset; leaves the network in evaluation mode."""
    x, y = dataset.tensors
    network.eval()
    logits = network(x)
    return {"val_loss": criterion(logits, y), "val_accuracy": (logits.argmax(1) == y).float().mean()}
