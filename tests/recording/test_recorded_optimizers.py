"""What frameworks hand out as their optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from weightdesk.errors import WatchError
from weightdesk.recording.optimizers import optimizers_of


class NoConstructor(Optimizer):
    """As Accelerate's: an optimizer of torch by its class, without what the constructor sets up."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    @property
    def param_groups(self) -> Any:
        return self.optimizer.param_groups


class Handle:
    """As Lightning's: no optimizer, with the methods of one."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer

    @property
    def optimizer(self) -> Optimizer:
        return self._optimizer

    def step(self) -> None:
        self._optimizer.step()


class Many:
    """As DeepSpeed's or a chain of them: something that can be iterated."""

    def __init__(self, *optimizers: Any) -> None:
        self._all = optimizers

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all)


@pytest.fixture
def sgd() -> SGD:
    return SGD(nn.Linear(2, 1).parameters())


def test_wrappers_without_hooks_are_looked_through(sgd: SGD) -> None:
    for wrapper in (NoConstructor(sgd), Handle(sgd), Handle(NoConstructor(sgd)), [NoConstructor(sgd)]):
        assert optimizers_of(wrapper) == (sgd,)


def test_several_are_taken_once_each(sgd: SGD) -> None:
    other = torch.optim.Adam(nn.Linear(2, 1).parameters())
    assert optimizers_of(Many(sgd, Handle(other), Handle(sgd))) == (sgd, other)
    assert optimizers_of((sgd, other)) == (sgd, other)


@pytest.mark.parametrize("wrong", [None, 3, "sgd", nn.Linear(2, 1), object(), [None], [[]]])
def test_what_is_no_optimizer_is_refused_in_one_line(wrong: Any) -> None:
    with pytest.raises(WatchError, match=r"^watch needs a torch\.optim\.Optimizer, got [^\n]*$"):
        optimizers_of(wrong)


def test_nothing_is_refused() -> None:
    with pytest.raises(WatchError, match="got an empty sequence"):
        optimizers_of([])


def test_a_wrapper_around_itself_is_refused() -> None:
    wrapper = Handle.__new__(Handle)
    wrapper._optimizer = wrapper  # type: ignore[assignment]
    with pytest.raises(WatchError):
        optimizers_of(wrapper)
