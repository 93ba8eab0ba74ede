"""Texts whose truth is known, and networks that read them: made by hand, trained, and with attention."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture import Specimen

TOKENS = (
    "<pad>", "<unk>", "the", "film", "plot", "was", "is", "very", "quite", "not",
    "good", "fine", "great", "superb", "bad", "poor", "awful", "dull",
)  # fmt: skip
GOOD, BAD = TOKENS[10:14], TOKENS[14:18]
NUMBERS = {token: number for number, token in enumerate(TOKENS)}
STRAIGHT = [nn.ReLU(), nn.LeakyReLU(0.2), nn.Identity(), nn.ReLU(inplace=True), None]
CLASSES = ("negative", "positive")


def rows(*texts: str, length: int = 8) -> Tensor:
    """Texts as token numbers, filled up with padding."""
    numbers = [[NUMBERS[word] for word in text.split()] for text in texts]
    return torch.tensor([each + [0] * (length - len(each)) for each in numbers])


class Reader(nn.Module):
    """Kim's network in small, its activation a function that no module shows, or a module of each width."""

    def __init__(
        self, widths: tuple[int, ...], units: int, width: int = 12, module: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(TOKENS), width, padding_idx=0)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, units, each, padding=1) for each in widths)
        self.activations = nn.ModuleList(module for _ in widths) if module is not None else None
        self.output = nn.Linear(units * len(widths), 2)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.embedding(tokens).transpose(1, 2)
        found = [
            (functional.relu if self.activations is None else self.activations[place])(each(embedded)).amax(2)
            for place, each in enumerate(self.convolutions)
        ]
        return self.output(torch.cat(found[::-1], 1))


def handmade() -> Reader:
    """One unit answers 1 to "good", one 1 to "not good"; the margin is 0.5 + 2 · first − 3 · second."""
    net = Reader((2,), 2, len(TOKENS)).requires_grad_(False)
    net.embedding.weight.copy_(torch.eye(len(TOKENS))).select(0, 0).zero_()
    (filters,) = net.convolutions
    for each in (*filters.parameters(), *net.output.parameters()):
        each.zero_()
    filters.weight[:, NUMBERS["good"], 1] = 1
    filters.weight[1, NUMBERS["not"], 0] = 1
    filters.bias[1] = -1
    net.output.weight.copy_(torch.tensor([[-1.0, 1.5], [1.0, -1.5]]))
    net.output.bias[1] = 0.5
    return net.eval()


def by_hand() -> Specimen:
    inputs = rows(
        "the film is not good",
        "the film is good",
        "the film is bad",
        "not bad",
        "good film",
        "plot is not good",
    )
    return Specimen(handmade(), inputs, torch.tensor([0, 1, 0, 1, 1, 0]), CLASSES, tokens=TOKENS)


def texts(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Sentences with one polar word, turned over in a fifth of them by "not"."""
    generator = torch.Generator().manual_seed(seed)

    def one(words: tuple[str, ...]) -> str:
        return words[int(torch.randint(len(words), (), generator=generator))]

    made, classes = [], []
    for _ in range(count):
        positive = int(torch.randint(2, (), generator=generator))
        turned = float(torch.rand((), generator=generator)) < 1 / 5
        polar = one(GOOD if positive != turned else BAD)
        verb, adverb = one(("was", "is")), one(("", "very", "quite"))
        middle = "not" if turned else adverb
        made.append(f"the {one(('film', 'plot'))} {verb} {middle} {polar}")
        classes.append(positive)
    return rows(*made), torch.tensor(classes)


def learned(net: nn.Module, seed: int, steps: int = 150) -> nn.Module:
    """A network trained on such sentences."""
    inputs, classes = texts(512, seed)
    optimizer = torch.optim.AdamW(net.parameters(), 0.02, weight_decay=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(net(inputs), classes).backward()
        optimizer.step()
    return net.eval().requires_grad_(False)


@cache
def trained(seed: int = 0, steps: int = 150) -> Reader:
    """Kim's network, trained."""
    torch.manual_seed(seed)
    net = Reader((2, 3), 6)
    learned(net, seed, steps)
    return net


def specimen(net: nn.Module, count: int = 300, seed: int = 5) -> Specimen:
    """A network with sentences that it was not trained on."""
    return Specimen(net, *texts(count, seed), class_names=CLASSES, tokens=TOKENS)


class Attentive(nn.Module):
    """Two heads over embedded words with places, padding masked, computed in one of three ways."""

    def __init__(self, way: str = "by hand", width: int = 8, heads: int = 2, length: int = 8) -> None:
        super().__init__()
        self.way, self.heads = way, heads
        self.embedding = nn.Embedding(len(TOKENS), width, padding_idx=0)
        self.places = nn.Parameter(torch.randn(length, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.output = nn.Linear(width, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        real = tokens != 0
        x = self.embedding(tokens) + self.places
        x = x + self._attend(x, real)
        mean = (x * real.unsqueeze(2)).sum(1) / real.sum(1, keepdim=True)
        return self.output(mean)

    def _attend(self, x: Tensor, real: Tensor) -> Tensor:
        if self.way == "module":
            return self.attention(x, x, x, key_padding_mask=~real, need_weights=False)[0]
        own = self.attention
        weight, bias = own.in_proj_weight, own.in_proj_bias
        parts = functional.linear(x, weight, bias).chunk(3, 2)
        query, key, value = (each.unflatten(2, (self.heads, -1)).transpose(1, 2) for each in parts)
        mask = real[:, None, None, :]
        if self.way == "function":
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            scores = (query @ key.transpose(2, 3) / math.sqrt(key.shape[3])).masked_fill(~mask, -math.inf)
            mixed = torch.matmul(functional.dropout(scores.softmax(3), 0.1, self.training), value)
        return own.out_proj(mixed.transpose(1, 2).flatten(2))


@cache
def attentive(seed: int = 0) -> Attentive:
    """A trained one."""
    torch.manual_seed(seed)
    net = Attentive()
    learned(net, seed)
    return net
