"""A chemist's yield from ten settings (scikit-learn's first Friedman problem): ReLU, Adam, smooth L1."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

import weightdesk as wd

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "exploding_gradient", "dead_units", "nonfinite", "learning_rate_high",
    "learning_rate_low", "symmetric_initialisation", "initial_scale_high",
    "missing_zero_grad", "over_regularised", "loss_output_mismatch", "inputs_not_normalised",
    "missing_nonlinearity", "overfitting", "underfitting", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_sgd", "healthy_small_batch", "healthy_gelu", "healthy_schedule", "healthy_train_eval",
)  # fmt: skip


def make_net(depth: int, width: int, activation: type[nn.Module]) -> nn.Sequential:
    """A plain stack: depth hidden layers and a linear output."""
    sizes = [10] + [width] * depth
    stack: list[nn.Module] = []
    for size, following in pairwise(sizes):
        stack += [nn.Linear(size, following), activation()]
    return nn.Sequential(*stack, nn.Linear(width, 1))


def initialise(net: nn.Sequential, fault: str | None) -> None:
    """Kaiming's, but for the faults that change just this."""
    hidden = [each for each in net[:-1] if isinstance(each, nn.Linear)]
    for layer in hidden:
        if fault == "vanishing_gradient":
            nn.init.xavier_uniform_(layer.weight)
        elif fault == "exploding_gradient":
            nn.init.orthogonal_(layer.weight, gain=4.0)
        elif fault == "initial_scale_high":
            nn.init.normal_(layer.weight)
        elif fault == "symmetric_initialisation":
            nn.init.constant_(layer.weight, 0.08)
        else:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    if fault == "dead_units":
        nn.init.constant_(hidden[1].bias, -15.0)


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 500 steps and record into the directory."""
    torch.manual_seed(seed)
    settings, amount = make_friedman1(11000, noise=0.6, random_state=seed)
    x = torch.from_numpy(settings).float()
    # Kelvin, pascals, seconds, per cent, and six that turn out not to matter
    x = x * torch.tensor([80, 5e4, 900, 100, 2, 30, 1, 500, 7, 12]) + torch.tensor(
        [290, 1e5, 60, 0, 5, 0, 0, 100, 0, 3]
    )
    y = torch.from_numpy(amount).float().unsqueeze(1)
    train_size = 60 if fault == "overfitting" else 10000
    if fault != "inputs_not_normalised":
        x = (x - x[:10000].mean(0)) / x[:10000].std(0)
    y = (y - y[:10000].mean()) / y[:10000].std()
    x_train, y_train, x_val, y_val = x[:train_size], y[:train_size], x[10000:], y[10000:]
    if fault == "nonfinite":
        x_train = x_train.clone()
        x_train[torch.randint(10000, (1,)), 1] = float("nan")  # the gauge was unplugged
    if fault == "loss_output_mismatch":
        y_train, y_val = y_train.squeeze(1), y_val.squeeze(1)  # broadcasts against (N, 1)

    depth, width, activation = 3, 48, nn.ReLU
    if fault == "vanishing_gradient":
        depth, activation = 12, nn.Sigmoid
    elif fault == "exploding_gradient":
        depth = 14
    elif fault == "missing_nonlinearity":
        activation = nn.Identity
    elif fault == "underfitting":
        depth, width = 2, 1
    elif fault == "overfitting":
        width = 256
    elif fault == "healthy_gelu":
        activation = nn.GELU
    net = make_net(depth, width, activation)
    initialise(net, fault)

    lr = {"learning_rate_high": 0.5, "learning_rate_low": 2e-6}.get(fault, 3e-3)
    batch_size = 16 if fault == "healthy_small_batch" else 128
    num_steps = 600 if fault == "healthy_small_batch" else 500

    def new_optimizer() -> torch.optim.Optimizer:
        if fault == "healthy_sgd":
            return torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        return torch.optim.Adam(
            net.parameters(), lr, weight_decay=1.0 if fault == "over_regularised" else 0.0
        )

    def loss_fn(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.smooth_l1_loss(prediction, target)

    optimizer = new_optimizer()
    scheduler = None
    if fault == "healthy_schedule":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, num_steps)
    with wd.watch(net, optimizer, directory, overwrite=True) as rec:
        for i in range(num_steps):
            if fault == "optimizer_reset":  # made inside the loop
                optimizer = new_optimizer()
            idx = torch.randint(0, train_size, (batch_size,))
            loss = loss_fn(net(x_train[idx]), y_train[idx])
            if fault != "missing_zero_grad":
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rec.log(loss=loss.item())
            if scheduler is not None:
                scheduler.step()
            if (i + 1) % 20 == 0:
                with torch.no_grad():
                    rec.log(val_loss=loss_fn(net(x_val), y_val))
                    if fault == "healthy_train_eval":
                        rec.log(train_loss=loss_fn(net(x_train), y_train))
