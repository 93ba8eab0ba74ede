"""A causal language model that learns to say a sentence again, token by token, with AdamW."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd
from programs.data import copies

FAULTS: tuple[str, ...] = (
    "dead_units", "divergence", "loss_spike", "learning_rate_low", "initial_scale_high",
    "initial_scale_low", "missing_zero_grad", "parameter_never_moves", "over_regularised", "leakage",
    "clipping_always", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_frozen_embedding", "healthy_clipped", "healthy_accumulation", "healthy_schedule",
    "healthy_adamw_decay",
)  # fmt: skip
HALF, WORDS, WIDTH, HEADS = 6, 12, 32, 4


class Block(nn.Module):
    """Causal attention and a hidden layer, each behind a layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.expand, self.contract = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """The residual stream (batch, length, width), read and written."""
        split = self.qkv(self.norm1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*split, is_causal=True)
        x = x + self.projection(attended.transpose(1, 2).flatten(2))
        return x + self.contract(functional.relu(self.expand(self.norm2(x))))


class CopyTransformer(nn.Module):
    """Token and position embeddings, two blocks, logits for the next token."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(WORDS, WIDTH), nn.Embedding(2 * HALF, WIDTH)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, length, words)."""
        x = self.token(tokens) + self.position.weight
        return self.head(self.norm(self.blocks(x)))


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 400 steps and record into the directory."""
    torch.manual_seed(seed)
    sentences, held_out = _data(fault, seed)
    model = _model(fault)
    optimizer = _optimizer(model, fault)
    fresh, steps = optimizer.state_dict(), 400
    size, micro = (16, 3) if fault == "healthy_accumulation" else (48, 1)
    clip = {"clipping_always": 2e-3, "healthy_clipped": 0.8}.get(fault)
    base = optimizer.param_groups[0]["lr"]
    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        for step in range(1, steps + 1):
            if fault != "missing_zero_grad":
                optimizer.zero_grad()
            loss = accuracy = 0.0
            for _ in range(micro):
                batch = sentences[torch.randint(len(sentences), (size,))]
                if fault == "loss_spike" and step == 260:
                    batch = batch[:, torch.randperm(2 * HALF + 1)]  # one file was garbled
                part, right = _outcome(model, batch)
                (part / micro).backward()
                loss, accuracy = loss + part.item() / micro, accuracy + right.item() / micro
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            rate = base
            if fault == "healthy_schedule":
                rate = base * min(step / 40, 1) * (1 - 0.9 * step / steps)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            recording.log(loss=loss, accuracy=accuracy, lr=rate)
            if fault == "optimizer_reset" and step % 20 == 0:
                optimizer.load_state_dict(fresh)
            if step % 25 == 0:
                with torch.no_grad():
                    val_loss, val_accuracy = _outcome(model, held_out)
                recording.log(val_loss=val_loss, val_accuracy=val_accuracy)


def _outcome(model: nn.Module, sentences: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and accuracy per token of the second half; the first half cannot be foretold."""
    logits = model(sentences[:, :-1])[:, HALF:].flatten(0, 1)
    wanted = sentences[:, HALF + 1 :].flatten()
    return functional.cross_entropy(logits, wanted), (logits.argmax(1) == wanted).float().mean()


def _data(fault: str | None, seed: int) -> tuple[Tensor, Tensor]:
    sentences = copies(2400, seed, HALF, WORDS)
    training, held_out = sentences[:2000], sentences[2000:]
    if fault == "leakage":
        training = torch.cat([training[:600], held_out])
    return training, held_out


def _model(fault: str | None) -> CopyTransformer:
    model = CopyTransformer()
    for embedding in (model.token, model.position):
        nn.init.normal_(embedding.weight, std=0.3)
    if fault == "healthy_frozen_embedding":
        model.token.requires_grad_(False)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and fault == "initial_scale_high":
            nn.init.normal_(parameter)
        if parameter.dim() == 2 and fault == "initial_scale_low":
            nn.init.normal_(parameter, std=3e-4)
        if name.endswith("expand.bias") and fault == "dead_units":
            nn.init.constant_(parameter, -7.0)
    return model


def _optimizer(model: CopyTransformer, fault: str | None) -> torch.optim.Optimizer:
    trained = [each for each in model.parameters() if each.requires_grad]
    if fault == "parameter_never_moves":
        forgotten = {id(each) for each in model.blocks[0].qkv.parameters()}
        trained = [each for each in trained if id(each) not in forgotten]
    lr = {"learning_rate_low": 4e-6}.get(fault, 4e-3)
    decay = {"over_regularised": 50.0, "healthy_adamw_decay": 0.1}.get(fault, 0.01)
    return torch.optim.AdamW(trained, lr, weight_decay=decay, maximize=fault == "divergence")
