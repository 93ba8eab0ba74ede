from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import weightdesk as wd
from weightdesk.desk import Head
from weightdesk.training.initialisers import initialise
from weightdesk.training.networks import Plan, build
from weightdesk.training.networks.transformer import Attention, Transformer

PLAN = Plan(
    input_shape=(10,), outputs=3, tokens=20, layers=(16, 12), embedding=8, heads=2, dropout=0.2,
    activation="gelu",
)  # fmt: skip
ROW = st.lists(st.integers(1, 19), min_size=1, max_size=9)


def network(seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    model = build("transformer", PLAN)
    initialise(model, "xavier_uniform", "gelu")
    assert isinstance(model, Transformer)
    return model.double().eval()


def texts(count: int, seed: int = 1) -> Tensor:
    return torch.randint(1, 20, (count, 10), generator=torch.Generator().manual_seed(seed))


def test_attention_is_that_of_torch() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(8, 2).double(), nn.MultiheadAttention(8, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([each.weight for each in (ours.query, ours.key, ours.value)]))
        theirs.in_proj_bias.copy_(torch.cat([each.bias for each in (ours.query, ours.key, ours.value)]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x, words = torch.randn(3, 6, 8).double(), torch.ones(3, 6, dtype=torch.bool)
    words[0, 4:] = words[2, 1:] = False
    expected, _ = theirs(x, x, x, key_padding_mask=~words)
    torch.testing.assert_close(ours(x, words), expected, rtol=1e-10, atol=1e-10)


def test_a_block_adds_to_what_comes_in() -> None:
    model, words = network(), torch.ones(2, 5, dtype=torch.bool)
    block, x = model.get_submodule("block1"), torch.randn(2, 5, 8).double()
    read = x + block.attention(block.norm1(x), words)
    expected = read + block.output(functional.gelu(block.hidden(block.norm2(read))))
    torch.testing.assert_close(block(x, words), expected, rtol=1e-12, atol=1e-12)


@given(ROW)
def test_padding_changes_nothing(words: list[int]) -> None:
    model = network()
    filled = torch.tensor([words + [0] * (10 - len(words))])
    torch.testing.assert_close(model(filled), model(torch.tensor([words])), rtol=1e-9, atol=1e-9)


def test_no_head_attends_to_padding() -> None:
    model, tokens = network(), texts(4)
    tokens[:, 7:] = 0
    seen: list[Tensor] = []
    for block in ("block1", "block2"):
        softmax = model.get_submodule(f"{block}.attention.softmax")
        softmax.register_forward_hook(lambda _module, _given, result: seen.append(result))
    model(tokens)
    assert [each.shape for each in seen] == [(4, 2, 10, 10)] * 2
    for each in seen:
        assert not each[..., 7:].any()
        torch.testing.assert_close(each.sum(-1), torch.ones(4, 2, 10).double())


def test_a_text_without_words_is_no_error() -> None:
    assert network()(torch.zeros(1, 10, dtype=torch.long)).isfinite().all()


def test_the_order_of_words_counts() -> None:
    outputs = network()(torch.tensor([[3, 4, 5], [5, 4, 3]]))
    assert (outputs[0] - outputs[1]).abs().max() > 1e-4


def test_places_are_compared_by_their_distance() -> None:
    places = network().positions
    products = places @ places.T
    for distance in range(4):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[0].expand_as(along), rtol=1e-5, atol=1e-5)
    assert "positions" not in network().state_dict()  # nothing learned, so nothing kept


def test_the_same_seed_makes_the_same_bits() -> None:
    assert all(
        torch.equal(a, b) for a, b in zip(network(3).parameters(), network(3).parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["embedding", "block1.attention.query", "block2.hidden", "output"])
def test_a_turned_unit_gives_what_the_turned_network_gives(name: str) -> None:
    model, tokens, targets = network(), texts(12), torch.arange(12) % 3
    desk = wd.Desk(model, tokens, targets, functional.cross_entropy)
    desk.scale(f"{name}.weight", 2, 3.0)
    with torch.no_grad():
        model.get_parameter(f"{name}.weight")[2] *= 3.0
        expected = functional.cross_entropy(model(tokens), targets)
    assert desk.outcome.loss == pytest.approx(float(expected), rel=1e-12)


def test_a_muted_head_says_nothing() -> None:
    model, tokens, targets = network(), texts(12), torch.arange(12) % 3
    desk = wd.Desk(model, tokens, targets, functional.cross_entropy)
    desk.mute("block1.attention.output", Head(1, of=2))
    with torch.no_grad():
        model.get_parameter("block1.attention.output.weight")[:, 4:] = 0
        expected = functional.cross_entropy(model(tokens), targets)
    assert desk.outcome.loss == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    "name", ["block1.attention.query.weight", "embedding.weight", "block2.hidden.weight"]
)
def test_its_weights_are_explained(name: str) -> None:
    model, tokens, targets = network(), texts(12), torch.arange(12) % 3
    terms = wd.explain_unit(model, tokens, name, 2, 0)
    assert float(terms.product.sum() + terms.bias) == pytest.approx(terms.z, rel=1e-9)
    reasons = wd.explain_gradient(model, tokens, targets, functional.cross_entropy, name, (5, 2))
    functional.cross_entropy(model(tokens), targets).backward()
    gradient = model.get_parameter(name).grad
    assert gradient is not None
    assert float(reasons.gradient) == pytest.approx(float(gradient[5, 2]), rel=1e-6)
