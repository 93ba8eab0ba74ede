from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from gradient_networks import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.explain.gradients.broadcast import Repeat, repeats
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.tracing import Trace, trace, untouched


class Placed(nn.Module):
    """Adds what all examples share to each, in one of several ways."""

    def __init__(self, add: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.places, self.head, self.add = nn.Embedding(3, 2), nn.Linear(2, 2), add
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.add(x, self.places(torch.arange(3)))))


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "added": lambda x, places: x + places,
    "twice": lambda x, places: torch.tanh(x + places) + places,
    "unsqueezed": lambda x, places: x + places[None],
    "viewed": lambda x, places: x + places.view(1, 3, 2),
    "by row as well": lambda x, places: (x[:, None] + places).sum(1),
    "within": lambda x, places: torch.stack((x, x), 2).add(places[:, None]).sum(2),
}
OTHER_WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "scaled": lambda x, places: torch.add(x, places, alpha=2),
    "multiplied": lambda x, places: x * places,
    "added and multiplied": lambda x, places: x * places + places,
    "added to itself": lambda x, places: x + (places + places),
}


def passes(model: nn.Module, x: Tensor) -> tuple[Trace, Trace]:
    with untouched(model):
        return trace(model, x), trace(model, x[:1])


def own_shares(model: nn.Module, x: Tensor, loss: Callable[..., Tensor]) -> list[float]:
    """The part of each example alone, for a loss that adds them up."""
    found = [torch.autograd.grad(loss(model(one[None]), None), model.places.weight)[0] for one in x]
    return [each[1, 0].item() for each in found]


@pytest.mark.parametrize("name", [*WAYS, *OTHER_WAYS])
def test_the_parts_are_those_of_each_example_alone(name: str) -> None:
    model, x = Placed({**WAYS, **OTHER_WAYS}[name]), torch.randn(4, 3, 2).double()
    loss = lambda outputs, _: outputs.square().sum()  # noqa: E731
    reasons = explain_gradient(model, x, None, loss, "places.weight", (1, 0))
    assert reasons.examples.tolist() == pytest.approx(own_shares(model, x, loss), rel=1e-12)
    assert bool(repeats(*passes(model, x), 0, 4)) == (name in WAYS)


@settings(max_examples=20)
@given(
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    extra=st.integers(0, 2),
    axis=st.integers(0, 4),
)
def test_the_parts_sum_to_delta(shape: list[int], extra: int, axis: int) -> None:
    full = [2] * extra + shape
    axis %= len(full)
    lone = [1 if place + extra == axis else size for place, size in enumerate(shape)]
    full[axis] = 5
    delta = torch.randn(full).double()
    found = Repeat(None, axis, tuple(lone)).by_example(delta)  # type: ignore[arg-type]
    assert found.shape == (5, torch.Size(lone).numel())
    assert torch.allclose(found.sum(0), delta.sum_to_size(lone).flatten())


def test_the_way_through_the_outputs_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases()["gpt"]
    arguments = (case.model, case.inputs, case.targets, case.loss, "places.weight", (1, 2))
    quick = explain_gradient(*arguments)
    monkeypatch.setattr("weightdesk.explain.gradients.gradient.repeats", lambda *_: ())
    slow = explain_gradient(*arguments)
    assert torch.allclose(quick.examples, slow.examples, rtol=1e-10, atol=1e-15)
    assert quick.examples.abs().min() > 0


def test_without_the_first_example_alone_nothing_is_known() -> None:
    passed, _ = passes(Placed(WAYS["added"]), torch.zeros(4, 3, 2).double())
    assert repeats(passed, None, 0, 4) == ()


def test_another_way_through_the_network_is_noticed() -> None:
    """The parts are those of the loss only if the graph of one example is that of the batch."""
    add = lambda x, places: x + places if len(x) > 1 else x + places[None]  # noqa: E731
    assert repeats(*passes(Placed(add), torch.zeros(4, 3, 2).double()), 0, 4) == ()


def test_a_loss_that_takes_more_than_the_outputs_is_noticed() -> None:
    """Parts that do not sum to the gradient are computed through the outputs."""

    class Kept(Placed):
        def forward(self, x: Tensor) -> Tensor:
            shared = self.places(torch.arange(3))
            self.kept = shared
            return self.head(x + shared)

    model, x = Kept(WAYS["added"]), torch.randn(4, 3, 2).double()
    penalised = lambda outputs, _: outputs.sum() + model.kept.sum()  # noqa: E731
    reasons = explain_gradient(model, x, None, penalised, "places.weight", (1, 0))
    assert reasons.gradient == pytest.approx(reasons.autograd)
    assert reasons.gradient != pytest.approx(reasons.examples.sum().item())
