from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

import weightdesk as wd
from weightdesk.training.initialisers import initialise
from weightdesk.training.networks import Plan, build
from weightdesk.training.networks.textcnn import TextCNN

PLAN = Plan(input_shape=(10,), outputs=3, tokens=20, layers=(4, 5, 6), embedding=7, dropout=0.3)
WORDS = st.lists(st.integers(1, 19), min_size=1, max_size=4)


def network(seed: int = 0) -> TextCNN:
    torch.manual_seed(seed)
    model = build("textcnn", PLAN)
    initialise(model, "xavier_uniform", "relu")
    assert isinstance(model, TextCNN)
    return model.double().eval()


def texts(count: int, seed: int = 1) -> Tensor:
    return torch.randint(0, 20, (count, 10), generator=torch.Generator().manual_seed(seed))


def test_it_computes_what_it_says() -> None:
    model, tokens = network(), texts(5)
    weights = dict(model.named_parameters())
    found = []
    for width in (2, 3, 4):
        windows = model.embedding(tokens).unfold(1, width, 1)  # examples, places, embedding, width
        z = torch.einsum("npew,few->npf", windows, weights[f"conv{width}.weight"])
        found.append((z + weights[f"conv{width}.bias"]).clamp(min=0).amax(1))
    expected = torch.cat(found, 1) @ weights["output.weight"].T + weights["output.bias"]
    torch.testing.assert_close(model(tokens), expected, rtol=1e-12, atol=1e-12)


@given(WORDS, st.integers(0, 3))
def test_what_is_found_counts_wherever_it_stands(words: list[int], shift: int) -> None:
    edge = 3  # so much padding on both sides that every filter meets every part of the words
    rows = torch.zeros(2, len(words) + shift + 2 * edge, dtype=torch.long)
    for row, start in zip(rows, (edge, edge + shift), strict=True):
        row[start : start + len(words)] = torch.tensor(words)
    outputs = network()(rows)
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-12, atol=1e-12)


def test_padding_stands_for_nothing_and_learns_nothing() -> None:
    model = network()
    functional.cross_entropy(model(texts(8)), torch.arange(8) % 3).backward()
    assert not model.embedding.weight[0].any()
    assert model.embedding.weight.grad is not None
    assert not model.embedding.weight.grad[0].any()
    assert model.embedding.weight.grad[1:].any(dim=1).sum() > 10


def test_the_same_seed_makes_the_same_bits() -> None:
    assert all(
        torch.equal(a, b) for a, b in zip(network(3).parameters(), network(3).parameters(), strict=True)
    )
    assert not torch.equal(network(3).output.weight, network(4).output.weight)


@pytest.mark.parametrize("name", ["embedding", "conv2", "conv4", "output"])
def test_a_turned_unit_gives_what_the_turned_network_gives(name: str) -> None:
    model, tokens, targets = network(), texts(12), torch.arange(12) % 3
    desk = wd.Desk(model, tokens, targets, functional.cross_entropy)
    desk.scale(f"{name}.weight", 2, 3.0)
    with torch.no_grad():
        model.get_parameter(f"{name}.weight")[2] *= 3.0
        expected = functional.cross_entropy(model(tokens), targets)
    assert desk.outcome.loss == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(("name", "index"), [("conv3.weight", (1, 2, 0)), ("embedding.weight", (7, 2))])
def test_its_weights_are_explained(name: str, index: tuple[int, ...]) -> None:
    model, tokens, targets = network(), texts(12), torch.arange(12) % 3
    terms = wd.explain_unit(model, tokens, name, index[-1], 0)
    assert float(terms.product.sum() + terms.bias) == pytest.approx(terms.z, rel=1e-9)
    reasons = wd.explain_gradient(model, tokens, targets, functional.cross_entropy, name, index)
    functional.cross_entropy(model(tokens), targets).backward()
    gradient = model.get_parameter(name).grad
    assert gradient is not None
    assert float(reasons.gradient) == pytest.approx(float(gradient[index]), rel=1e-6)
