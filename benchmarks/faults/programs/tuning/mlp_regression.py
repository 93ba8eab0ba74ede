"""The power of a machine from six readings by a perceptron with tanh, mean squared error and momentum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import weightdesk as wd
from programs.data import machines

FAULTS: tuple[str, ...] = (
    "vanishing_gradient", "exploding_gradient", "saturated_units", "nonfinite", "divergence",
    "learning_rate_low", "symmetric_initialisation", "initial_scale_low", "missing_zero_grad",
    "over_regularised", "loss_output_mismatch", "inputs_not_normalised", "missing_nonlinearity",
    "underfitting", "clipping_always", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_adamw_decay", "healthy_clipped", "healthy_fullbatch", "healthy_schedule", "healthy_train_eval",
)  # fmt: skip
EPOCHS = 16


class PowerMLP(nn.Module):
    """Hidden layers of one width and activation, and one linear output."""

    def __init__(self, depth: int, width: int, activation: type[nn.Module]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(6, width), activation()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), activation()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, readings: Tensor) -> Tensor:
        """Power (batch, 1)."""
        return self.layers(readings)


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 16 epochs of 25 steps and record into the directory."""
    torch.manual_seed(seed)
    readings, power, test_readings, test_power = _data(fault, seed)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    size = len(readings) if fault == "healthy_fullbatch" else 48
    steps_per_epoch = -(-len(readings) // size)
    epochs = EPOCHS * 25 // steps_per_epoch
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for epoch in range(epochs):
            for chosen in torch.randperm(len(readings)).split(size):
                if fault != "missing_zero_grad":
                    optimizer.zero_grad()
                outputs = model(readings[chosen])
                loss = _loss(outputs, power[chosen], fault)
                if fault == "nonfinite" and epoch >= 6:
                    loss = loss - 1e-3 * _mean_distance(outputs)
                loss.backward()
                if fault == "clipping_always":
                    nn.utils.clip_grad_value_(model.parameters(), 1e-4)
                if fault == "healthy_clipped":
                    nn.utils.clip_grad_norm_(model.parameters(), 1.4)
                optimizer.step()
                recording.log(loss=loss, lr=optimizer.param_groups[0]["lr"])
            if fault == "healthy_schedule":
                scheduler.step()
            if fault == "optimizer_reset":
                optimizer.state.clear()
            if epoch % max(1, epochs // EPOCHS) == 0 or epoch == epochs - 1:
                with torch.no_grad():
                    recording.log(val_loss=_loss(model(test_readings), test_power, fault))
                    if fault == "healthy_train_eval":
                        recording.log(train_loss=_loss(model(readings), power, fault))


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    readings, power = machines(1600, seed)
    if fault != "inputs_not_normalised":
        readings = (readings - readings[:1200].mean(0)) / readings[:1200].std(0)
    if fault != "loss_output_mismatch":
        power = power.unsqueeze(1)  # (N, 1), as the network gives it
    return readings[:1200], power[:1200], readings[1200:], power[1200:]


def _model(fault: str | None) -> PowerMLP:
    depth, width = {"vanishing_gradient": (10, 32), "exploding_gradient": (20, 32),
                    "underfitting": (1, 1)}.get(fault, (2, 32))  # fmt: skip
    activation = {"vanishing_gradient": nn.Sigmoid, "missing_nonlinearity": nn.Identity}
    model = PowerMLP(depth, width, activation.get(fault, nn.Tanh))
    hidden = [layer for layer in model.layers[:-1] if isinstance(layer, nn.Linear)]
    for layer in hidden:
        if fault == "exploding_gradient":
            nn.init.orthogonal_(layer.weight, gain=3)
        if fault == "symmetric_initialisation":
            nn.init.constant_(layer.weight, 0.1)
            nn.init.zeros_(layer.bias)
        if fault == "initial_scale_low":
            nn.init.normal_(layer.weight, std=1e-3)
    if fault == "saturated_units":
        nn.init.uniform_(hidden[0].weight, -30, 30)
    return model


def _mean_distance(outputs: Tensor) -> Tensor:
    """Between all pairs, each with itself included: there √ has an infinite slope."""
    return (outputs[:, None] - outputs[None]).square().sum(2).sqrt().mean()


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    if fault == "healthy_adamw_decay":
        return torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    lr = {"divergence": 0.2, "learning_rate_low": 3e-5}.get(fault, 0.03)
    decay = 0.5 if fault == "over_regularised" else 0.0
    return torch.optim.SGD(model.parameters(), lr, momentum=0.9, weight_decay=decay)


def _loss(outputs: Tensor, targets: Tensor, fault: str | None) -> Tensor:
    # Of (N, 1) against (N,), as one fault has it, this is the mean over all N² pairs.
    return (outputs - targets).square().mean()
