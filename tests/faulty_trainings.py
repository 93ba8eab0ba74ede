"""A small training of points in rings, into which each fault can be planted by one difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.recording import watch
from weightdesk.runs import Run, open_run


@dataclass(frozen=True)
class Plan:
    """How it is trained; `healthy` is the twin of all."""

    layers: tuple[int, ...] = (32, 32)
    activation: Callable[[], nn.Module] = nn.ReLU
    batch_norm: bool = False
    outputs: int = 4
    init: float | None = None  # standard deviation of all weights; None: as torch draws them
    constant: float | None = None
    bias: float | None = None
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
    lr: float = 5e-3
    decay: float = 0.0
    momentum: float = 0.0
    steps: int = 200
    batch: int = 40
    examples: int = 600
    noise: float = 0.25
    scale: float = 1.0
    unit: float = 1.0  # of the loss
    clip: float | None = None
    spike: int | None = None
    reset: int | None = None
    blow: int | None = None
    zero: bool = True
    frozen: bool = False
    asleep: bool = False
    leak: bool = False
    ordered: bool = False
    shuffled: bool = False
    weighted: tuple[float, ...] | None = None
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy


HEALTHY = Plan()
DEEP = replace(HEALTHY, layers=(24,) * 8, activation=nn.Sigmoid, lr=1e-3)
SGD = replace(HEALTHY, optimizer=torch.optim.SGD, lr=0.1, momentum=0.9)
REGRESSION = replace(HEALTHY, outputs=1, loss=lambda out, to: functional.mse_loss(out[:, 0], to.float()))


def _twice(outputs: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.softmax(1), labels)


def _broadcast(outputs: Tensor, labels: Tensor) -> Tensor:
    return (outputs - labels.float()).square().mean()


FAULTS: dict[str, Plan] = {
    "vanishing_gradient": DEEP,
    "exploding_gradient": replace(HEALTHY, layers=(32,) * 8, init=0.6, lr=2e-4),
    "dead_units": replace(HEALTHY, bias=-20.0),
    "saturated_units": replace(HEALTHY, activation=nn.Tanh, init=6.0),
    "nonfinite": replace(HEALTHY, blow=60),
    "divergence": replace(SGD, lr=-0.05),
    "loss_spike": replace(HEALTHY, spike=120),
    "learning_rate_high": replace(HEALTHY, lr=1.5),
    "learning_rate_low": replace(HEALTHY, lr=3e-6),
    "symmetric_initialisation": replace(HEALTHY, constant=0.0),
    "initial_scale_high": replace(HEALTHY, init=3.0),
    "initial_scale_low": replace(HEALTHY, init=1e-3),
    "missing_zero_grad": replace(HEALTHY, zero=False),
    "parameter_never_moves": replace(HEALTHY, frozen=True),
    "over_regularised": replace(HEALTHY, decay=1.0),
    "loss_output_mismatch": replace(HEALTHY, loss=_twice),
    "inputs_not_normalised": replace(HEALTHY, scale=200.0),
    "labels_uninformative": replace(HEALTHY, shuffled=True),
    "class_imbalance": replace(HEALTHY, weighted=(0.97, 0.01, 0.01, 0.01)),
    "missing_nonlinearity": replace(HEALTHY, activation=nn.Identity),
    "wrong_mode": replace(HEALTHY, batch_norm=True, asleep=True),
    "tiny_batch_norm": replace(HEALTHY, batch_norm=True, batch=3),
    "unshuffled_data": replace(HEALTHY, ordered=True),
    "leakage": replace(HEALTHY, leak=True),
    "overfitting": replace(HEALTHY, examples=40, layers=(128, 128), noise=0.9, steps=400),
    "underfitting": replace(HEALTHY, layers=(1,)),
    "clipping_always": replace(HEALTHY, clip=1e-3),
    "optimizer_reset": replace(SGD, reset=50),
}

TWINS: dict[str, Plan] = {
    "healthy": HEALTHY,
    "healthy with momentum": SGD,
    "healthy with batch norm": replace(HEALTHY, batch_norm=True),
    "healthy with rare clipping": replace(HEALTHY, clip=5.0),
    "healthy regression": REGRESSION,
    "healthy tanh": replace(HEALTHY, activation=nn.Tanh),
}


def train(place: Path | str, plan: Plan, seed: int = 0) -> Run:
    """Train by a plan, and open what was recorded: all statistics, however busy the machine is."""
    torch.manual_seed(seed)
    (inputs, labels), (held_inputs, held_labels) = _data(plan)
    model = _model(plan)
    trained = [each for name, each in model.named_parameters() if not (plan.frozen and name.startswith("0."))]
    optimizer = _optimizer(plan, trained)
    with watch(model, optimizer, str(place), cost=None, overwrite=True) as recording:
        for step in range(plan.steps):
            chosen = _chosen(plan, step, len(inputs))
            outputs = model(inputs[chosen])
            loss = plan.unit * plan.loss(outputs, labels[chosen])
            if plan.blow is not None and step >= plan.blow:
                loss = loss + 0.0 * outputs[0, 0].detach().mul(0).log() * outputs.sum()
            if plan.zero:
                optimizer.zero_grad()
            loss.backward()
            if plan.clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
            if plan.spike is not None:
                optimizer.param_groups[0]["lr"] = 1.0 if step == plan.spike else plan.lr
            optimizer.step()
            if plan.reset and step and step % plan.reset == 0:
                optimizer.state.clear()
            recording.log(
                loss=loss, **({"accuracy": _accuracy(outputs, labels[chosen])} if plan.outputs > 1 else {})
            )
            if step % 20 == 19:
                recording.log(**_evaluated(model, plan, held_inputs, held_labels))
    return open_run(str(place))


def _data(plan: Plan) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    count = plan.examples + 200
    weights = torch.tensor(plan.weighted or (0.25,) * 4)
    labels = torch.multinomial(weights, count, replacement=True)
    angles = 2 * torch.pi * torch.rand(count)
    radii = labels + 1 + plan.noise * torch.randn(count)
    inputs = torch.stack([radii * angles.cos(), radii * angles.sin(), radii, torch.randn(count)], 1)
    inputs = plan.scale * (inputs - inputs.mean(0)) / inputs.std(0)
    if plan.shuffled:
        labels = labels[torch.randperm(count)]
    kept = slice(0, 200) if plan.leak else slice(plan.examples, None)
    train_inputs, train_labels = inputs[: plan.examples], labels[: plan.examples]
    if plan.ordered:
        order = train_labels.argsort()
        train_inputs, train_labels = train_inputs[order], train_labels[order]
    return (train_inputs, train_labels), (inputs[kept], labels[kept])


def _model(plan: Plan) -> nn.Sequential:
    parts: list[nn.Module] = []
    width = 4
    for layer in plan.layers:
        parts += [
            nn.Linear(width, layer),
            *([nn.BatchNorm1d(layer)] if plan.batch_norm else []),
            plan.activation(),
        ]
        width = layer
    model = nn.Sequential(*parts, nn.Linear(width, plan.outputs))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            if plan.init is not None:
                nn.init.normal_(module.weight, std=plan.init)
            if plan.constant is not None:
                nn.init.constant_(module.weight, plan.constant)
                nn.init.constant_(module.bias, plan.constant)
            if plan.bias is not None and module is not model[-1]:
                nn.init.constant_(module.bias, plan.bias)
    return model


def _optimizer(plan: Plan, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    if plan.optimizer is torch.optim.SGD:
        optimizer = plan.optimizer(parameters, abs(plan.lr), momentum=plan.momentum, weight_decay=plan.decay)
        optimizer.param_groups[0]["maximize"] = plan.lr < 0
        return optimizer
    return plan.optimizer(parameters, plan.lr, weight_decay=plan.decay)


def _chosen(plan: Plan, step: int, count: int) -> Tensor:
    if plan.ordered:
        return torch.arange(step * plan.batch, (step + 1) * plan.batch) % count
    return torch.randint(count, (min(plan.batch, count),))


def _evaluated(model: nn.Sequential, plan: Plan, inputs: Tensor, labels: Tensor) -> dict[str, float]:
    model.eval()
    with torch.no_grad():
        outputs = model(inputs)
        found = {
            "val_loss": float(plan.unit * plan.loss(outputs, labels)),
            "val_accuracy": _accuracy(outputs, labels),
        }
    if not plan.asleep:
        model.train()
    return found if plan.outputs > 1 else {"val_loss": found["val_loss"]}


def _accuracy(outputs: Tensor, labels: Tensor) -> float:
    return float((outputs.argmax(1) == labels).float().mean()) if outputs.shape[1] > 1 else float("nan")
