"""Which parts of inputs, outputs and targets belong to an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from desk.desks import Tokens, token_batch
from torch import Tensor, nn

from weightdesk.desk.engine.forward import Forward
from weightdesk.desk.nesting import tensors_of
from weightdesk.desk.outcomes.examples import check_targets, find_examples
from weightdesk.errors import OptionError


class Says(nn.Module):
    """A model of one line."""

    def __init__(self, what: Callable[..., Any]) -> None:
        super().__init__()
        self.what = what

    def forward(self, values: Tensor) -> Any:
        return self.what(values)


@pytest.mark.parametrize(
    ("what", "apart", "owned"),
    [
        (lambda x: x * 2, True, (True,)),
        (lambda x: (x, torch.ones(32, 2)), True, (True, False)),  # as many rows as are tried, and no examples
        (lambda x: (x, x.mean(0)), False, (True, False)),
        (lambda x: x - x.mean(0), False, (True,)),
        (lambda x: x + torch.rand(x.shape), False, (True,)),
        (lambda x: x[:, 0].squeeze(), False, None),  # an example alone loses its axis
        (lambda x: x.T, False, None),
        (lambda x: x[[0, 1]], False, None),  # cannot be run on one
        (lambda x: x * torch.nan, True, (True,)),
    ],
)
def test_examples_are_apart_where_one_gives_the_same_alone(
    what: Callable[..., Any], apart: bool, owned: tuple[bool, ...] | None
) -> None:
    found = find_examples(Forward(Says(what)), torch.randn(40, 3), {})
    assert found.apart is apart
    assert owned is None or found.owned == owned
    assert found.count == 40


def test_torch_random_numbers_stay() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    find_examples(Forward(Says(lambda x: x + torch.rand(x.shape))), torch.randn(4, 3), {})
    torch.manual_seed(5)
    assert torch.equal(before, torch.get_rng_state())


def test_keywords_and_objects() -> None:
    model, (inputs, targets) = Tokens(), token_batch(40)
    found = find_examples(Forward(model), inputs, dict(model.named_parameters()))
    assert found.apart
    some = torch.tensor([3, 1])
    assert torch.equal(found.targets_of(targets, some), targets[some])
    assert torch.equal(found.targets_of(targets.flatten(), some), targets[some].flatten())
    outputs = model(**inputs)
    chosen = found.outputs_of(outputs, some)
    assert all(
        torch.equal(one, two[some]) for one, two in zip(tensors_of(chosen), tensors_of(outputs), strict=True)
    )


def test_nothing_to_show_and_targets_that_do_not_fit() -> None:
    for inputs in (torch.zeros(0, 3), {}):
        with pytest.raises(OptionError, match="at least one example"):
            find_examples(Forward(nn.Identity()), inputs, {})
    for targets in (torch.zeros(7), torch.tensor(1.0), torch.zeros(0)):
        with pytest.raises(OptionError, match="one for each"):
            check_targets(targets, 5)
    check_targets({"any": torch.zeros(7)}, 5)
    check_targets(None, 5)
    check_targets(torch.zeros(15), 5)
