"""The terms of one prediction add up, follow from the weights, and say so where they are estimated."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import (
    STRAIGHT,
    TOKENS,
    Reader,
    attentive,
    by_hand,
    specimen,
    texts,
    trained,
)
from torch import nn
from torch.nn import functional

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.text import deciding
from weightdesk.capture.text.margin import logits
from weightdesk.errors import IndexRangeError, OptionError


def test_the_reasons_of_the_network_made_by_hand() -> None:
    found = deciding(by_hand(), 0)
    assert found.toward == "negative"
    assert found.words == ("the", "film", "is", "not", "good")
    # margin 0.5 + 2 − 3; "not good" = not + good − 1
    assert (found.margin, found.offset) == (0.5, -3.5)
    assert found.terms.tolist() == [0, 0, 0, 3, 1]
    assert found.exact
    assert [(each.words, each.unit, each.place, each.term) for each in found.detections] == [
        ("not good", 1, 3, 3.0), ("not good", 0, 3, -2.0),
    ]  # fmt: skip
    other = deciding(by_hand(), 0, "positive")
    assert other.terms.tolist() == [0, 0, 0, -3, -1]
    assert found.sections()[0].table["word"].to_pylist()[-1] == "biases"
    assert found.title == "why negative by +0.5: the film is not good"


@given(st.integers(0, 39), st.sampled_from(STRAIGHT), st.integers(0, 20))
def test_the_words_terms_add_up_to_the_margin(example: int, module: nn.Module | None, seed: int) -> None:
    torch.manual_seed(seed)
    net = Reader((2, 3), 5, module=module).eval()
    found = deciding(specimen(net, 40), example, toward=seed % 2, scrambles=1)
    outputs = net(specimen(net, 40).inputs)[example].detach().double()
    assert found.exact
    assert found.margin == pytest.approx(float(outputs[seed % 2] - outputs[1 - seed % 2]), abs=1e-5)
    size = float(found.terms.abs().sum()) + abs(found.offset)
    assert abs(found.remainder) <= 1e-5 * size
    phrases = sum(each.term for each in found.detections)
    bias = net.output.bias.detach().double()
    assert phrases + float(bias[seed % 2] - bias[1 - seed % 2]) == pytest.approx(
        found.margin, abs=1e-5 * size
    )


def test_each_words_term_is_what_is_lost_with_it_while_the_windows_stay() -> None:
    """A word's vector put to zero in the chosen windows alone: the weighted sums lose exactly its terms."""
    net, held = trained(), specimen(trained(), 40)
    found = deciding(held, 3, toward=1, scrambles=1)
    embedded = net.embedding(held.inputs[3:4]).transpose(1, 2)
    weights = (net.output.weight[1] - net.output.weight[0]).unflatten(0, (2, 6)).flip(0)
    expected = torch.zeros(len(found.words))
    for place in range(len(found.words)):
        without = embedded.clone()
        without[:, :, place] = 0
        for convolution, weight in zip(net.convolutions, weights, strict=True):
            sums, chosen = convolution(embedded)[0].max(1)
            left = convolution(without)[0].gather(1, chosen[:, None])[:, 0]
            expected[place] += (weight * (sums > 0) * (sums - left)).sum()
    assert found.terms.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "net", [attentive(), Reader((2,), 6, module=nn.Tanh()).eval()], ids=["attention", "tanh"]
)
def test_other_networks_get_an_estimate_that_says_so(net: nn.Module) -> None:
    coarse, found = (deciding(specimen(net), 2, steps=steps, scrambles=1) for steps in (1, 256))
    assert not found.exact
    assert found.detections == ()
    assert abs(found.remainder) < 0.02 * abs(found.margin - found.offset) + 1e-3
    assert abs(found.remainder) < abs(coarse.remainder)
    note = found.sections()[0].note
    assert "an estimate, integrated gradients" in note
    assert f"{found.remainder:+.2g}" in note
    assert found.sections()[0].table["word"].to_pylist()[-1] == "an empty text"


def test_an_estimate_of_a_network_that_adds_up_words_is_their_own_terms() -> None:
    """A bag of words with a straight line behind it: each word's term is its weight."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(len(TOKENS), 3, padding_idx=0), nn.Flatten(), nn.Linear(24, 2)).eval()
    found = deciding(specimen(net), 1, toward=1, steps=2, scrambles=1)
    weight = (net[2].weight[1] - net[2].weight[0]).unflatten(0, (8, 3))
    terms = (net[0](specimen(net).inputs[1]) * weight).sum(1)[: len(found.words)]
    assert found.terms.tolist() == pytest.approx(terms.tolist(), abs=1e-5)
    assert abs(found.remainder) < 1e-5


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (trained(), ["embedding.weight"]),
        (trained(), ["output.weight"]),
        (trained(), ["convolutions.0.weight", "convolutions.1.weight"]),
        (trained(), None),
        (attentive(), ["embedding.weight"]),
        (attentive(), ["output.weight"]),
        (attentive(), None),
    ],
)  # fmt: skip
def test_scrambling_weights_changes_the_reasons(net: nn.Module, parameters: list[str] | None) -> None:
    """Adebayo et al. 2018: an explanation that stays as it is does not explain these weights."""
    alike = []
    for seed in range(8):  # one alone may happen to be alike, or just the opposite
        pair = [specimen(each) for each in (net, scrambled(net, seed, parameters))]
        terms = [deciding(each, seed, 1, steps=16, scrambles=1).terms for each in pair]
        alike.append(float(torch.corrcoef(torch.stack(terms))[0, 1]))
    assert sum(alike) / len(alike) < 0.6


def test_polar_words_decide_more_than_in_scrambled_networks() -> None:
    found = [deciding(specimen(trained()), example, scrambles=10) for example in range(10)]
    last = [(each.terms.abs()[-1], each.chance[-1], each.terms.abs().max()) for each in found]
    assert sum(float(term == most) for term, _, most in last) >= 8
    assert all(
        torch.equal(each.chance, deciding(specimen(trained()), n, scrambles=10).chance)
        for n, each in enumerate(found[:2])
    )


def test_texts_that_are_not_there_are_refused() -> None:
    with pytest.raises(IndexRangeError, match="numbered from 0 to 5, got 6"):
        deciding(by_hand(), 6)
    with pytest.raises(OptionError, match="scrambles must be 1 or more"):
        deciding(by_hand(), 0, scrambles=0)
    with pytest.raises(OptionError, match="text 0 has no word, only padding"):
        deciding(replace(by_hand(), inputs=torch.zeros(6, 8).long()), 0)


def test_the_words_of_a_learned_network_beat_logistic_chance() -> None:
    """The network itself is right on new sentences, so that what is read from it is about something."""
    inputs, classes = texts(300, 9)
    outputs = logits(trained(), inputs)
    assert float(functional.cross_entropy(outputs, classes)) < 0.1
