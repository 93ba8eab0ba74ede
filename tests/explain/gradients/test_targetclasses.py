"""What each class of targets adds to a gradient is the gradient of the loss of its tokens alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from gradient_networks import TinyGPT, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.errors import OptionError
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.reasons import GradientReasons

TOKENS = torch.tensor([[1, 2, 3, 0], [4, 0, 2, 2], [6, 5, 1, 3]])


def by_token(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=-100)


def gpt() -> nn.Module:
    torch.manual_seed(0)
    return TinyGPT().double().eval()


def explain(model: nn.Module, targets: Tensor, name: str, index: tuple[int, ...]) -> GradientReasons:
    return explain_gradient(model, TOKENS, targets, by_token, name, index)


def expected(model: nn.Module, targets: Tensor, name: str) -> dict[int, Tensor]:
    """By torch's own means: the loss of the tokens of each class, over the number of all tokens."""
    outputs = model(TOKENS).flatten(0, 1)
    losses = functional.cross_entropy(outputs, targets.flatten(), reduction="none", ignore_index=-100)
    counted = int((targets != -100).sum())
    return {
        each: torch.autograd.grad(
            losses[targets.flatten() == each].sum() / counted, model.get_parameter(name), retain_graph=True
        )[0]
        for each in targets.unique().tolist()
    }


@pytest.mark.parametrize("name", [name for name, _ in TinyGPT().named_parameters()])
def test_a_class_has_the_gradient_of_its_tokens_alone(name: str) -> None:
    model = gpt()
    targets = TOKENS.roll(-1, 1)
    references = expected(model, targets, name)
    index = tuple(min(1, size - 1) for size in model.get_parameter(name).shape)
    reasons = explain(model, targets, name, index)
    found = reasons.target_classes()
    assert reasons.classes is None
    assert list(found) == sorted(references)
    for each, reference in references.items():
        assert found[each] == pytest.approx(reference[index].item(), rel=1e-10, abs=1e-14)
    assert sum(found.values()) == pytest.approx(reasons.autograd, rel=1e-10, abs=1e-14)
    assert reasons.target_classes() == found


@given(
    st.lists(st.sampled_from([-100, 0, 1, 2, 5, 6]), min_size=12, max_size=12).filter(lambda t: max(t) >= 0)
)
@settings(max_examples=15)
def test_the_classes_sum_to_the_gradient_and_tokens_left_out_add_nothing(flat: list[int]) -> None:
    targets = torch.tensor(flat).view(3, 4)
    reasons = explain(gpt(), targets, "qkv.weight", (3, 2))
    found = reasons.target_classes()
    assert sum(found.values()) == pytest.approx(reasons.autograd, rel=1e-9, abs=1e-14)
    assert found.get(-100, 0.0) == 0.0


def test_the_classes_may_lie_on_another_axis() -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = gpt()

        def forward(self, tokens: Tensor) -> Tensor:
            return self.inner(tokens).transpose(1, 2)  # examples, classes, tokens: as torch likes it

    targets, model = TOKENS.roll(-1, 1), Turned()
    turned = explain_gradient(model, TOKENS, targets, functional.cross_entropy, "inner.expand.weight", (1, 2))
    plain = explain(gpt(), targets, "expand.weight", (1, 2))
    assert turned.target_classes() == pytest.approx(plain.target_classes(), rel=1e-10)


@pytest.mark.parametrize("name", ["mlp", "convolutions", "recurrent", "tied"])
def test_classes_of_examples_are_found_as_well(name: str) -> None:
    """With an LSTM, which has no forward derivative, by differentiating backward twice or by class."""
    case = cases()[name]
    for parameter, value in case.model.named_parameters():
        reasons = explain_gradient(
            case.model, case.inputs, case.targets, case.loss, parameter, (0,) * value.ndim
        )
        assert reasons.classes is not None
        assert reasons.target_classes() == pytest.approx(dict(reasons.classes), rel=1e-9, abs=1e-13)


def shifted(outputs: Tensor, targets: Tensor) -> Tensor:
    return by_token(outputs[:, :-1], targets[:, 1:])


def doubled(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - functional.one_hot(targets, 7)).square().mean() * -1


@pytest.mark.parametrize("loss", [shifted, doubled])
def test_targets_that_are_not_those_of_the_outputs_are_refused(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    reasons = explain_gradient(gpt(), TOKENS, TOKENS, loss, "qkv.weight", (3, 2))
    with pytest.raises(OptionError, match="not one class for each token"):
        reasons.target_classes()


def test_targets_that_are_no_classes_are_refused() -> None:
    model, x = nn.Linear(2, 1), torch.ones(3, 2)
    reasons = explain_gradient(model, x, torch.zeros(3, 1), functional.mse_loss, "weight", (0, 0))
    with pytest.raises(OptionError, match="not one class for each token"):
        reasons.target_classes()


def test_a_model_that_has_changed_says_so() -> None:
    model = gpt()
    reasons = explain(model, TOKENS, "qkv.weight", (3, 2))
    with torch.no_grad():
        model.get_parameter("contract.weight").mul_(1.5)
    with pytest.raises(OptionError, match="the model has changed"):
        reasons.target_classes()


def test_dropout_takes_the_same_mask_and_nothing_is_left_behind() -> None:
    model = nn.Sequential(nn.Embedding(7, 5), nn.Dropout(0.5), nn.Linear(5, 7)).double()
    reasons = explain_gradient(model, TOKENS, TOKENS, by_token, "0.weight", (2, 1), seed=4)
    state, random = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    assert sum(reasons.target_classes().values()) == pytest.approx(reasons.autograd, rel=1e-10)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(each.grad is None for each in model.parameters())
