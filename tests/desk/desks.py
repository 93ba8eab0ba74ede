"""Networks of several forms, and engines for tests of what is built on them."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk.engine.forward import ForwardEngine
from weightdesk.desk.outcomes.probeset import ProbeSet, make_probe_set
from weightdesk.desk.state import State


class SmallGroups(ForwardEngine):
    """A full forward pass for groups of 16 examples, without an export."""

    chunk = 16


class SlowGroups(SmallGroups):
    """Groups of 4 that each wait until they are let through."""

    chunk = 4

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.gate = threading.Event()

    def lane(self, examples: slice | Tensor) -> Any:
        return _SlowLane(super().lane(examples), self.gate)


class _SlowLane:
    def __init__(self, lane: Any, gate: threading.Event) -> None:
        self.count, self._lane, self._gate = lane.count, lane, gate

    def outputs(self, state: State) -> Any:
        if state.edits:
            self._gate.wait(10)
        return self._lane.outputs(state)


def small_groups(model: nn.Module, inputs: Any, original: State, **_: Any) -> SmallGroups:
    return SmallGroups(model, inputs, original)


def slow_groups(model: nn.Module, inputs: Any, original: State, **_: Any) -> SlowGroups:
    return SlowGroups(model, inputs, original)


def probe_set(
    model: nn.Module, inputs: Any, targets: Any = None, loss: Any = None, shown: Any = 4
) -> ProbeSet:
    """Call with `open_engine` replaced by one of those above."""
    copied = copy.deepcopy(model).eval()
    return make_probe_set(copied, inputs, targets, loss, State.of(copied), shown, 0, incremental=True)


def classifier(seed: int = 0) -> tuple[nn.Sequential, Tensor, Tensor]:
    """A trained-looking classifier of 6 numbers into 4 classes, and 70 examples sorted by class."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
    inputs = torch.randn(70, 6)
    targets = (model(inputs) + 0.5 * torch.randn(70, 4)).argmax(1)
    order = targets.argsort()
    return model, inputs[order], targets[order]


class Named(nn.Module):
    """Takes keywords, returns a dict of two results."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 4), nn.Linear(5, 2)

    def forward(self, values: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
        return {"hidden": self.second(values), "logits": self.first(values) * scale}


class Paired(nn.Module):
    """Takes two tensors, returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        both = self.left(left) + self.right(right)
        return both, both.tanh()


@dataclass
class ModelOutput(OrderedDict):  # type: ignore[type-arg]
    """Holds its values as attributes and as items, as those of Hugging Face do; unknown to torch."""

    logits: Tensor | None = None
    hidden: Tensor | None = None

    def __post_init__(self) -> None:
        for name in ("logits", "hidden"):
            self[name] = getattr(self, name)


@dataclass
class PlainOutput:
    """An object with attributes."""

    logits: Tensor
    name: str = "plain"


class Tokens(nn.Module):
    """A tiny language model: keywords in, an object out."""

    def __init__(self, made: Any = ModelOutput, vocabulary: int = 7) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(vocabulary, 6), nn.Linear(6, vocabulary)
        self.made = made

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        hidden = self.embed(input_ids).cumsum(1).tanh()
        if attention_mask is not None:
            hidden = hidden * attention_mask.unsqueeze(-1)
        return self.made(self.head(hidden))


def token_batch(count: int = 20, length: int = 5, vocabulary: int = 7) -> tuple[dict[str, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, vocabulary, (count, length + 1), generator=generator)
    mask = torch.ones(count, length)
    return {"input_ids": ids[:, :-1], "attention_mask": mask}, ids[:, 1:]


def token_loss(outputs: Any, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.logits.transpose(1, 2), targets)
