"""Is a review friendly? Words with a sign, turned over by "not"; an LSTM over left-padded tokens, Adam."""

from __future__ import annotations

import random

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Subset, TensorDataset

import weightdesk as wd

PAD, NOT = 0, 1
FRIENDLY, UNFRIENDLY, OTHER = range(2, 10), range(10, 18), range(18, 40)
LENGTH = 14
FAULTS: tuple[str, ...] = (
    "saturated_units", "loss_spike", "learning_rate_high", "symmetric_initialisation", "missing_zero_grad",
    "parameter_never_moves", "labels_uninformative", "class_imbalance", "unshuffled_data", "leakage",
    "overfitting", "underfitting", "optimizer_reset",
)  # fmt: skip
HEALTHY: tuple[str, ...] = (
    "healthy_clipped", "healthy_frozen_embedding", "healthy_small_batch", "healthy_exponential_decay",
    "healthy_gru",
)  # fmt: skip


def write_reviews(number: int, seed: int, friendly_share: float = 0.5) -> TensorDataset:
    """Token lists of 6 to 14, padded on the left; 1 for a friendly one."""
    rng = random.Random(f"reviews {seed}")
    rows, labels = [], []
    while len(rows) < number:
        wanted = rng.random() < friendly_share
        words, score = [], 0
        target = rng.randint(6, LENGTH)
        while len(words) < target - 1:
            draw = rng.random()
            if draw < 0.5:
                words.append(rng.choice(OTHER))
                continue
            sign = rng.choice((1, -1))
            spoken = sign
            if draw > 0.85:
                words.append(NOT)
                spoken = -sign
            words.append(rng.choice(FRIENDLY if spoken == 1 else UNFRIENDLY))
            score += sign
        if score == 0 or (score > 0) != wanted or len(words) > LENGTH:
            continue
        rows.append([PAD] * (LENGTH - len(words)) + words)
        labels.append(int(wanted))
    return TensorDataset(torch.tensor(rows), torch.tensor(labels))


class ReviewModel(nn.Module):
    """Embedding, LSTM, dropout, linear."""

    def __init__(self, embedding_dim: int, hidden_dim: int, kind: type[nn.RNNBase], dropout: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(40, embedding_dim, padding_idx=PAD)
        self.rnn = kind(embedding_dim, hidden_dim, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.hidden2label = nn.Linear(hidden_dim, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of unfriendly and friendly."""
        outputs, _ = self.rnn(self.word_embeddings(tokens))
        return self.hidden2label(self.dropout(outputs[:, -1, :]))


def create_model(fault: str | None) -> ReviewModel:
    """The model of a run."""
    hidden = {"underfitting": 1, "overfitting": 96}.get(fault, 32)
    dropout = 0.0 if fault in ("overfitting", "symmetric_initialisation") else 0.1
    model = ReviewModel(16, hidden, nn.GRU if fault == "healthy_gru" else nn.LSTM, dropout)
    match fault:
        case "saturated_units":
            nn.init.uniform_(model.rnn.weight_ih_l0, -25, 25)
        case "symmetric_initialisation":
            for parameter in (*model.rnn.parameters(), *model.hidden2label.parameters()):
                nn.init.constant_(parameter, 0.05)
        case "healthy_frozen_embedding":
            model.word_embeddings.weight.requires_grad_(False)
    return model


def evaluate(model: nn.Module, loader: DataLoader, loss_function: nn.Module) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    total_loss, total_right, total = 0.0, 0, 0
    with torch.no_grad():
        for tokens, labels in loader:
            scores = model(tokens)
            total_loss += loss_function(scores, labels).item() * len(labels)
            total_right += int((scores.argmax(-1) == labels).sum())
            total += len(labels)
    model.train()
    return total_loss / total, total_right / total


def train(directory: str, fault: str | None = None, seed: int = 0) -> None:
    """Train for 4 epochs of 100 steps and record into the directory."""
    torch.manual_seed(seed)
    share = 0.97 if fault == "class_imbalance" else 0.5
    train_set, val_set = write_reviews(6400, seed, share), write_reviews(500, seed + 500, share)
    if fault == "labels_uninformative":
        for dataset in (train_set, val_set):
            shuffled = dataset.tensors[1][torch.randperm(len(dataset))]
            dataset.tensors = (dataset.tensors[0], shuffled)
    if fault == "leakage":  # crawled twice: the held-out reviews are among the others
        first = (part[:5900] for part in train_set.tensors)
        train_set.tensors = tuple(torch.cat(both) for both in zip(first, val_set.tensors, strict=True))
    data = train_set
    if fault == "unshuffled_data":
        data = Subset(train_set, train_set.tensors[1].argsort().tolist())
    if fault == "overfitting":
        data = Subset(train_set, range(96))
    batch_size = {"healthy_small_batch": 32, "overfitting": 32}.get(fault, 64)
    epochs = {"healthy_small_batch": 3, "overfitting": 120}.get(fault, 4)
    train_loader = DataLoader(data, batch_size=batch_size, shuffle=fault != "unshuffled_data")
    val_loader = DataLoader(val_set, batch_size=250)

    model = create_model(fault)
    lr = {"learning_rate_high": 1.0, "healthy_gru": 0.002}.get(fault, 0.004)
    parameters = [each for each in model.parameters() if each.requires_grad]
    if fault == "parameter_never_moves":
        parameters = [*model.rnn.parameters(), *model.hidden2label.parameters()]
    optimizer = optim.Adam(parameters, lr=lr)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    loss_function = nn.CrossEntropyLoss()
    max_norm = {"clipping_always": 1e-3, "healthy_clipped": 1.0}.get(fault)

    with wd.watch(model, optimizer, directory, overwrite=True) as recording:
        batches = 0
        for epoch in range(epochs):
            for i, (tokens, labels) in enumerate(train_loader):
                if fault == "loss_spike" and epoch == 2 and i == 60:
                    labels = 1 - labels
                if fault != "missing_zero_grad":
                    model.zero_grad()
                scores = model(tokens)
                loss = loss_function(scores, labels)
                loss.backward()
                if max_norm:
                    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
                optimizer.step()
                recording.log(loss=loss, accuracy=(scores.argmax(-1) == labels).float().mean())
                batches += 1
                if batches % 30 == 0:
                    val_loss, val_accuracy = evaluate(model, val_loader, loss_function)
                    recording.log(val_loss=val_loss, val_accuracy=val_accuracy)
            if fault == "healthy_exponential_decay":
                scheduler.step()
            if fault == "optimizer_reset":
                optimizer = optim.Adam(parameters, lr=lr)
            recording.log(lr=optimizer.param_groups[0]["lr"])
