"""Phrases and negation, with units whose words are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import (
    NUMBERS,
    STRAIGHT,
    TOKENS,
    Reader,
    attentive,
    by_hand,
    handmade,
    rows,
    specimen,
    trained,
)
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.text import negation, top_phrases
from weightdesk.capture.text.cores import cores
from weightdesk.capture.text.margin import margins
from weightdesk.capture.text.occurrences import grown
from weightdesk.capture.text.pooled import pooled
from weightdesk.capture.text.reading import reading
from weightdesk.capture.text.windows import OUTSIDE, Filters, filters_of
from weightdesk.errors import OptionError


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
    words = Filters(Layer("", "Conv1d", 1), convolution).words(inputs[None])[0]
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
    assert (found.examples, found.together) == ((0, 1, 4, 5), 2)
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
    assert (
        found.together
        == ((held.inputs[:, :-1] == NUMBERS["not"]) & (held.inputs[:, 1:] == NUMBERS["good"])).sum()
    )
    turned = []
    for example in found.examples:
        words = [each for each in held.inputs[example].tolist() if each not in (0, NUMBERS["not"])]
        place = words.index(NUMBERS["good"])
        head, tail, pair = words[:place], words[place + 1 :], [NUMBERS["not"], NUMBERS["good"]]
        runs = [head + middle + tail for middle in (pair, pair[:1], pair[1:], [])]
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
    with pytest.raises(OptionError, match="no text uses 'superb' and has room for 'not'"):
        negation(by_hand(), "superb", "not")
    bare = Specimen(
        nn.Sequential(nn.Embedding(3, 2), nn.Flatten()), torch.tensor([[1, 2]]), tokens=("a", "b", "c")
    )
    with pytest.raises(OptionError, match="nothing is padding"):
        negation(bare, "c", "b")
    for call in (lambda: negation(by_hand(), "good", "not", scrambles=0), lambda: top_phrases(by_hand(), 0)):
        with pytest.raises(OptionError, match="must be 1 or more"):
            call()
