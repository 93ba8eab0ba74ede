"""In which of five invented languages a string is written: `nn.TransformerEncoder`, class token, AdamW."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import weightdesk as wd

LETTERS, LANGUAGES, LENGTH = 14, 5, 18
PADDING, CLASS = LETTERS, LETTERS + 1
FAULTS: tuple[str, ...] = (
    "dead_units", "loss_spike", "learning_rate_high", "initial_scale_high",
    "parameter_never_moves", "loss_output_mismatch", "labels_uninformative", "class_imbalance", "wrong_mode",
    "leakage", "overfitting", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_one_cycle", "healthy_post_norm", "healthy_label_smoothing", "healthy_large_batch",
    "healthy_imbalanced_mild",
)  # fmt: skip


def strings(count: int, seed: int, first: float) -> tuple[Tensor, Tensor]:
    """Letters (count, 19) behind a class token, padded; each language has its own habits of succession."""
    habits = np.random.default_rng(12).dirichlet([0.18] * LETTERS, (LANGUAGES, LETTERS))
    habits = 0.85 * habits + 0.15 / LETTERS
    random = np.random.default_rng([seed, count])
    rest = (1 - first) / (LANGUAGES - 1)
    language = random.choice(LANGUAGES, count, p=[first] + [rest] * (LANGUAGES - 1))
    cumulative = habits.cumsum(-1)
    letters = np.empty((count, LENGTH), dtype=np.int64)
    letters[:, 0] = random.integers(LETTERS, size=count)
    for place in range(1, LENGTH):
        threshold = cumulative[language, letters[:, place - 1]]
        letters[:, place] = (threshold < random.random((count, 1))).sum(1).clip(max=LETTERS - 1)
    lengths = random.integers(11, LENGTH + 1, count)
    letters[np.arange(LENGTH) >= lengths[:, None]] = PADDING
    letters = np.concatenate([np.full((count, 1), CLASS), letters], axis=1)
    return torch.from_numpy(letters), torch.from_numpy(language)


class Positions(nn.Module):
    """Adds sines of the place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        place = torch.arange(LENGTH + 1).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(100.0) / width))
        table = torch.zeros(LENGTH + 1, width)
        table[:, 0::2], table[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
        self.register_buffer("table", table)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + 0.5 * self.table


class LanguageClassifier(nn.Module):
    """Two pre-norm layers; the class token's state gives the logits."""

    def __init__(self, width: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(LETTERS + 2, width)
        self.positions = Positions(width)
        layer = nn.TransformerEncoderLayer(
            width,
            nhead=4,
            dim_feedforward=2 * width,
            dropout=dropout,
            batch_first=True,
            norm_first=norm_first,
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.before = nn.Conv1d(width, width, 2, padding=1)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, LANGUAGES)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, languages)."""
        x = self.positions(self.embed(tokens))
        x = x + self.before(x.transpose(1, 2))[:, :, :-1].transpose(1, 2).relu()
        x = self.encoder(x, src_key_padding_mask=tokens == PADDING)
        return self.head(self.norm(x[:, 0]))


def build(fault: str | None) -> LanguageClassifier:
    """The model, changed as the fault wants it."""
    dropout = 0.0 if fault == "overfitting" else 0.1
    model = LanguageClassifier(32, dropout, norm_first=fault != "healthy_post_norm")
    if fault == "initial_scale_high":
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=1.5)
    if fault == "dead_units":
        for layer in model.encoder.layers:
            nn.init.constant_(layer.linear1.bias, -10.0)
    return model


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 4 epochs of 80 steps and record into the directory."""
    torch.manual_seed(seed)
    first = {"class_imbalance": 0.96, "healthy_imbalanced_mild": 0.4}.get(fault, 0.2)
    tokens, languages = strings(3840, seed, first)
    val_tokens, val_languages = strings(400, seed, first)
    if fault == "labels_uninformative":
        languages = torch.randint(LANGUAGES, languages.shape)
        val_languages = torch.randint(LANGUAGES, val_languages.shape)
    elif fault == "leakage":
        tokens = torch.cat([val_tokens, tokens[:3440]])
        languages = torch.cat([val_languages, languages[:3440]])
    elif fault == "overfitting":
        tokens, languages = tokens[:80], languages[:80]
    batch_size, epochs = {"overfitting": (40, 150), "healthy_large_batch": (96, 6)}.get(fault, (48, 4))
    loader = DataLoader(TensorDataset(tokens, languages), batch_size, shuffle=True)
    model = build(fault)
    if fault == "parameter_never_moves":
        groups = [{"params": model.encoder.parameters()}, {"params": model.head.parameters()},
                  {"params": model.embed.parameters()}, {"params": model.norm.parameters()}]  # fmt: skip
    else:
        matrices = [each for each in model.parameters() if each.dim() > 1]
        vectors = [each for each in model.parameters() if each.dim() < 2]
        groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0}]
    lr = 0.5 if fault == "learning_rate_high" else 2e-3

    def optimise() -> torch.optim.AdamW:
        return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), weight_decay=0.05)

    optimizer = optimise()
    one_cycle = None
    if fault == "healthy_one_cycle":
        one_cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs * len(loader))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1 if fault == "healthy_label_smoothing" else 0.0)

    def objective(tokens: Tensor, languages: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(tokens)
        accuracy = (logits.argmax(-1) == languages).float().mean()
        if fault == "loss_output_mismatch":
            logits = logits.softmax(-1)
        return criterion(logits, languages), accuracy

    step = 0
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for _ in range(epochs):
            for tokens_batch, languages_batch in loader:
                loss, accuracy = objective(tokens_batch, languages_batch)
                loss.backward()
                if fault == "loss_spike" and step == 200:  # a bit flipped
                    for parameter in model.head.parameters():
                        parameter.data.mul_(-30)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                recording.log(train_loss=loss, train_accuracy=accuracy, lr=optimizer.param_groups[0]["lr"])
                if one_cycle is not None:
                    one_cycle.step()
                if fault == "optimizer_reset" and step % 15 == 0:
                    optimizer = optimise()
                if step % 20 == 0:
                    model.train(fault == "wrong_mode")
                    with torch.no_grad():
                        loss, accuracy = objective(val_tokens, val_languages)
                    model.train()
                    recording.log(val_loss=loss, val_accuracy=accuracy)
