"""Explaining takes a stated multiple of the memory of a training step, measured by what is alive at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from weightdesk.explain import explain_gradient, explain_unit, feature_importance, importance

_COUNT = 256
MULTIPLES = {"gradient": 3.0, "unit": 3.0, "importance": 4.5, "features": 2.5}


class Alive(TorchDispatchMode):
    """The most bytes that results of operations held at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._held: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor) and each.untyped_storage().nbytes():
                storage = each.untyped_storage()
                self._held[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self._held = {key: held for key, held in self._held.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._held.values()))
        return result


def peak(task: Callable[[], object]) -> int:
    with Alive() as alive:
        task()
    return alive.peak


def network() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10),
    )  # fmt: skip
    return model, torch.randn(_COUNT, 1, 12, 12), torch.randint(10, (_COUNT,))


TASKS: dict[str, Callable[..., object]] = {
    "gradient": lambda *batch: explain_gradient(*batch, "2.weight", (3, 1, 0, 0)),
    "unit": lambda model, inputs, *_: explain_unit(model, inputs, "2.weight", 3),
    "importance": lambda *batch: importance(*batch, "5.weight", method="ablation"),
    "features": lambda *batch: feature_importance(*batch, steps=4, repeats=2),
}


@pytest.mark.parametrize("what", TASKS)
def test_the_peak_is_a_stated_multiple_of_that_of_a_training_step(what: str) -> None:
    model, inputs, targets = network()
    step = peak(lambda: functional.cross_entropy(model(inputs), targets).backward())
    taken = peak(lambda: TASKS[what](model, inputs, targets, functional.cross_entropy))
    assert taken <= MULTIPLES[what] * step
