"""Phrases, negation and the terms of one prediction, with units whose words are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import (
    CLASSES,
    NUMBERS,
    TOKENS,
    Reader,
    attentive,
    handmade,
    rows,
    specimen,
    texts,
    trained,
)
from torch import nn
from torch.nn import functional

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.text import deciding, negation, top_phrases
from weightdesk.capture.text.cores import cores
from weightdesk.capture.text.margin import logits, margins
from weightdesk.capture.text.occurrences import grown
from weightdesk.capture.text.pooled import pooled
from weightdesk.capture.text.reading import reading
from weightdesk.capture.text.windows import OUTSIDE, Filters, filters_of
from weightdesk.errors import IndexRangeError, OptionError

STRAIGHT = [nn.ReLU(), nn.LeakyReLU(0.2), nn.Identity(), nn.ReLU(inplace=True), None]


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


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 2),
    st.sampled_from(["number", "same", "valid"]), st.integers(5, 7),
)  # fmt: skip
def test_windows_hold_what_the_convolution_reads(
    width: int, padding: int, stride: int, how: str, length: int
) -> None:
    stride = 1 if how == "same" else stride
    convolution = nn.Conv1d(1, 1, width, stride, padding if how == "number" else how, bias=False)
    nn.init.ones_(convolution.weight)
    inputs = torch.arange(1, length + 1)
    sums = convolution(inputs[None, None].float()).flatten()
    words = Filters(Layer("", "Conv1d", 1, ""), convolution).words(inputs[None])[0]
    assert words.where(words != OUTSIDE, 0).sum(1).tolist() == sums.tolist()


def test_only_convolutions_that_read_the_words_as_they_are_have_phrases() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(len(TOKENS), 4)
            self.read, self.grouped = nn.Conv1d(4, 4, 2), nn.Conv1d(4, 4, 2, groups=2)
            self.wrapped, self.deeper = (
                nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular"),
                nn.Conv1d(4, 4, 2),
            )

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            words = self.embedding(tokens).transpose(1, 2)
            read = self.read(words)
            return (
                read.amax(2)
                + self.grouped(words).amax(2)
                + self.wrapped(words).amax(2)
                + self.deeper(read).amax(2)
            )

    text = reading(Specimen(Odd(), rows("the film")))
    assert [each.layer.name for each in filters_of(text)] == ["read"]
    assert pooled(text) is None


@pytest.mark.parametrize("module", STRAIGHT, ids=str)
def test_networks_that_weigh_the_largest_activations_are_known_by_what_they_compute(
    module: nn.Module | None,
) -> None:
    torch.manual_seed(0)
    net = Reader((2, 3), 4, module=module).eval()
    build = pooled(reading(specimen(net, 30)))
    assert build is not None
    assert [(each.filters.width, each.first) for each in build.branches] == [
        (2, 4),
        (3, 0),
    ]  # joined the other way round
    assert build.head is net.output


def test_bent_activations_and_other_readers_are_not_taken_for_such_networks() -> None:
    assert pooled(reading(specimen(Reader((2,), 4, module=nn.Tanh()), 30))) is None
    assert pooled(reading(specimen(attentive(), 30))) is None

    class More(Reader):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return super().forward(tokens) + 1

    assert pooled(reading(specimen(More((2,), 4), 30))) is None


def test_the_unit_made_for_not_good_finds_it_by_name() -> None:
    found = top_phrases(by_hand(), count=2)
    good, not_good = (found.of_unit("convolutions.0", unit) for unit in (0, 1))
    assert (not_good[0].words, not_good[0].activation, not_good[0].count) == ("not good", 1.0, 2)
    assert not_good[0].push == -3.0
    assert not_good[0].share == 0
    assert len(not_good) == 1  # all else leaves it at 0
    assert {each.core for each in good} == {"good"}
    assert all(each.push == 2.0 for each in good)
    assert found.agreement is not None
    assert found.base == 0.5
    assert found.sections()[0].table["words"].to_pylist() == [each.words for each in found.phrases]


def test_phrases_are_those_that_a_plain_search_finds() -> None:
    held, net = specimen(trained(), 60), trained()
    found = top_phrases(held, count=3, scrambles=1)
    texts = [[OUTSIDE, *text, OUTSIDE] for text in held.inputs.tolist()]
    said = [" ".join(TOKENS[word] for word in text if word > 0) for text in texts]
    for place, width in enumerate((2, 3)):
        convolution = net.convolutions[place]
        windows = {tuple(text[start : start + width]) for text in texts for start in range(11 - width)}
        spoken = sorted(each for each in windows if max(each) > 0)
        words = torch.tensor(spoken)
        vectors = net.embedding.weight[words.clamp(min=0)] * (words > 0).unsqueeze(2)
        parts = torch.einsum("nwd,udw->unw", vectors, convolution.weight)
        for unit in range(6):
            sums = parts[unit].sum(1) + convolution.bias[unit]
            mine = found.of_unit(f"convolutions.{place}", unit)
            if mine:
                assert mine[0].activation == pytest.approx(float(sums.max()), abs=1e-5)
            values = [each.activation for each in mine]
            assert values == sorted(values, reverse=True)
            assert len({each.words for each in mine}) == len(mine)
            for each in mine:
                row = spoken.index(each.numbers)
                assert each.activation == pytest.approx(float(sums[row]), abs=1e-5)
                first = f" {each.window} ".split(f" {each.core} ")[0].count(" ")
                carried = parts[unit, row, first : first + len(each.core.split())].sum()
                whole = each.core == each.window.replace("∅", "").strip()
                assert whole or float(carried + convolution.bias[unit]) >= 0.9 * each.activation - 1e-5
                having = torch.tensor([f" {each.words} " in f" {text} " for text in said])
                assert each.count == sum(f" {text} ".count(f" {each.words} ") for text in said)
                assert each.share == pytest.approx(float(held.targets[having].double().mean()))


@given(st.integers(0, 200))
def test_a_core_is_the_shortest_run_of_words_that_carries_the_sum(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    terms = torch.randn(6, 4, generator=generator)
    said = torch.rand(6, 4, generator=generator) < 0.8
    said[:, 1] = True
    for row, (start, stop) in enumerate(cores(terms, 0.3, said).tolist()):
        ends = [(a, b) for a in range(4) for b in range(a + 1, 5) if said[row, a] and said[row, b - 1]]
        whole = float(terms[row].sum()) + 0.3
        fits = [each for each in ends if float(terms[row, slice(*each)].sum()) + 0.3 >= 0.9 * whole - 1e-6]
        if whole > 0 and fits:
            shortest = min(b - a for a, b in fits)
            assert stop - start <= shortest or (start, stop) == (min(ends)[0], max(b for _, b in ends))
        assert said[row, start]
        assert said[row, stop - 1]


def test_words_grow_to_the_phrase_that_they_always_stand_in() -> None:
    held = Specimen(
        handmade(), rows(*["the film was not good", "plot was not good"] * 3, "not dull"), tokens=TOKENS
    )
    text = reading(held)
    found = grown(text, (NUMBERS["good"],))
    assert [TOKENS[each] for each in found.words] == ["was", "not", "good"]
    assert found.count == 6
    assert found.examples.tolist() == [0, 1, 2, 3, 4, 5]
    assert grown(text, (NUMBERS["plot"],)).words == (NUMBERS["plot"],)  # too rare to tell
    assert grown(text, (NUMBERS["not"],)).words == (NUMBERS["not"],)  # 6 of 7 are not enough


def test_rare_phrases_can_be_left_out() -> None:
    found = top_phrases(specimen(trained()), least=8, scrambles=1)
    assert found.phrases
    assert all(each.count >= 8 for each in found.phrases)


def test_units_push_the_class_of_their_phrases_and_those_of_scrambled_networks_do_not() -> None:
    found = top_phrases(specimen(trained()))
    assert found.agreement is not None
    assert found.scrambled is not None
    assert found.agreement.low > found.scrambled.high
    random = top_phrases(specimen(scrambled(trained(), 91)))
    assert random.agreement is not None
    assert random.agreement.value < found.agreement.value / 2
    again = top_phrases(specimen(trained()))
    assert (again.phrases, again.agreement, again.scrambled) == (
        found.phrases,
        found.agreement,
        found.scrambled,
    )
    assert [each.title for each in found.sections()] == ["phrases", "agreement with the texts"]


def test_phrases_without_classes_or_known_build_tell_no_push() -> None:
    unlabelled = top_phrases(replace(by_hand(), targets=None), count=1)
    assert unlabelled.agreement is None
    assert all(math.isnan(each.share) for each in unlabelled.phrases)
    torch.manual_seed(0)
    bent = top_phrases(specimen(Reader((2,), 3, module=nn.Tanh()).eval(), 40), count=1)
    assert [each.push for each in bent.phrases] == [None] * 3
    assert len(bent.sections()) == 1
    assert bent.title == "the phrases that excite 3 units most"


def test_negation_measures_what_was_made_by_hand() -> None:
    found = negation(by_hand(), "good", "not")
    assert found.examples == (0, 5)
    # alone: 2 in a text without it; behind "not": 2 − 3
    assert (found.effect.alone.value, found.effect.negated.value, found.effect.turned.value) == (2, -1, -3)
    first = found.units[0]
    assert (first.layer, first.unit, first.effect.turned.value, first.push) == ("convolutions.0", 1, 1, -3)
    assert [(each.layer, each.unit) for each in found.units] == [("convolutions.0", 1), ("convolutions.0", 0)]
    assert found.sections()[0].table["margin"].to_pylist()[:3] == [2, -1, -3]
    assert found.title == "'good' moves the margin toward positive by +2 alone, by -1 in 'not good'"


def test_negation_is_the_difference_of_four_runs() -> None:
    held = specimen(trained())
    found = negation(held, "good", "not", scrambles=2)
    turned = []
    for example in found.examples:
        words = [each for each in held.inputs[example].tolist() if each]
        place = words.index(NUMBERS["not"])
        runs = [
            words,
            words[: place + 1] + words[place + 2 :],
            words[:place] + words[place + 1 :],
            words[:place] + words[place + 2 :],
        ]
        both, wordless, plain, empty = (
            float(margins(trained()(torch.tensor([each + [0] * (8 - len(each))])), 1)) for each in runs
        )
        turned.append((both - wordless) - (plain - empty))
    assert found.effect.turned.value == pytest.approx(sum(turned) / len(turned), rel=1e-4)
    assert found.effect.alone.low > 0 > found.effect.turned.high


@pytest.mark.parametrize("net", [trained(), attentive()], ids=["cnn", "attention"])
def test_learned_negation_is_far_beyond_that_of_scrambled_networks(net: nn.Module) -> None:
    found = negation(specimen(net), "good", "not", scrambles=8)
    assert found.effect.turned.high < found.scrambled.low
    again = negation(specimen(net), "good", "not", scrambles=8)
    assert (again.effect, again.units, again.scrambled) == (found.effect, found.units, found.scrambled)


def test_negation_that_is_not_in_the_texts_is_refused() -> None:
    with pytest.raises(OptionError, match="no text has 'very' before 'not'"):
        negation(by_hand(), "not", "very")
    bare = Specimen(
        nn.Sequential(nn.Embedding(3, 2), nn.Flatten()), torch.tensor([[1, 2]]), tokens=("a", "b", "c")
    )
    with pytest.raises(OptionError, match="nothing is padding"):
        negation(bare, "c", "b")
    for call in (lambda: negation(by_hand(), "good", "not", scrambles=0), lambda: top_phrases(by_hand(), 0)):
        with pytest.raises(OptionError, match="must be 1 or more"):
            call()


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
