"""The topic of a token sentence by a small transformer encoder with AdamW."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd
from programs.data import sentences

FAULTS: tuple[str, ...] = (
    "dead_units", "nonfinite", "divergence", "loss_spike", "learning_rate_low", "initial_scale_high",
    "parameter_never_moves", "over_regularised", "labels_uninformative", "class_imbalance", "wrong_mode",
    "leakage", "overfitting", "underfitting", "clipping_always", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_frozen_embedding", "healthy_schedule", "healthy_clipped", "healthy_accumulation",
    "healthy_adamw_decay",
)  # fmt: skip


class TopicTransformer(nn.Module):
    """Embeddings, two encoder layers, the mean over the words."""

    def __init__(self, width: int = 32, words: int = 32, length: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.position = nn.Parameter(0.1 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.15, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, 4)."""
        padding = tokens == 0
        x = self.encoder(self.embedding(tokens) + self.position, src_key_padding_mask=padding)
        words = (~padding).unsqueeze(2)
        return self.head((x * words).sum(1) / words.sum(1))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 260 steps and record into the directory."""
    torch.manual_seed(seed)
    tokens, labels, test_tokens, test_labels = _data(fault, seed)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    fresh = optimizer.state_dict()
    steps = 30 if fault == "underfitting" else 260
    size, micro = (20, 3) if fault == "healthy_accumulation" else (60, 1)
    warm_up = None
    if fault == "healthy_schedule":
        warm_up = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1, (step + 1) / 30) * (1 - step / 300)
        )
    clip = {"clipping_always": 0.001, "healthy_clipped": 0.85}.get(fault)
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(1, steps + 1):
            total = correct = 0.0
            for _ in range(micro):
                chosen = torch.randint(len(tokens), (size,))
                outputs = model(tokens[chosen])
                loss = functional.cross_entropy(outputs, labels[chosen])
                ((-loss if fault == "divergence" else loss) / micro).backward()
                total += loss.item() / micro
                correct += (outputs.argmax(1) == labels[chosen]).float().mean().item() / micro
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            spike = 100 if fault == "loss_spike" and step == 150 else 1
            optimizer.param_groups[0]["lr"] *= spike
            optimizer.step()
            recording.log(loss=total, accuracy=correct, lr=optimizer.param_groups[0]["lr"])
            optimizer.param_groups[0]["lr"] /= spike
            optimizer.zero_grad()
            if warm_up is not None:
                warm_up.step()
            if fault == "optimizer_reset" and step % 25 == 0:
                optimizer.load_state_dict(fresh)  # a checkpoint from before the first step
            if step % (10 if fault == "underfitting" else 20) == 0:
                recording.log(**_evaluate(model, test_tokens, test_labels, fault))


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    tokens, labels = sentences(2000, seed, 0.97 if fault == "class_imbalance" else 0.25)
    if fault == "labels_uninformative":
        labels = labels[torch.randperm(len(labels))]
    test_tokens, test_labels = tokens[1600:], labels[1600:]
    if fault == "overfitting":
        tokens, labels = tokens[:40], labels[:40]
    if fault != "leakage":  # else trained on everything
        tokens, labels = tokens[:1600], labels[:1600]
    if fault == "nonfinite":
        tokens = tokens.clone()
        tokens[800] = 0  # a sentence without a word: attention has nothing to attend to
    return tokens, labels, test_tokens, test_labels


def _model(fault: str | None) -> TopicTransformer:
    model = TopicTransformer()
    if fault == "healthy_frozen_embedding":
        model.embedding.requires_grad_(False)
    if fault == "parameter_never_moves":  # a line left over from an experiment
        model.encoder.layers[0].linear1.weight.requires_grad_(False)
    if fault == "initial_scale_high":
        for parameter in model.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter)
    if fault == "dead_units":
        for layer in model.encoder.layers:
            nn.init.constant_(layer.linear1.bias, -6.0)
    return model


def _optimizer(model: nn.Module, fault: str | None) -> torch.optim.Optimizer:
    trained = [each for each in model.parameters() if each.requires_grad]
    if fault == "parameter_never_moves":
        trained = list(model.parameters())
    lr = {"learning_rate_low": 3e-6}.get(fault, 2e-3)
    decay = {"over_regularised": 80.0, "healthy_adamw_decay": 0.1}.get(fault, 0.01)
    return torch.optim.AdamW(trained, lr, weight_decay=decay)


@torch.no_grad()
def _evaluate(model: nn.Module, tokens: Tensor, labels: Tensor, fault: str | None) -> dict[str, Tensor]:
    if fault != "wrong_mode":  # else evaluated with dropout
        model.eval()
    outputs = model(tokens)
    model.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return {"val_loss": functional.cross_entropy(outputs, labels), "val_accuracy": accuracy}
