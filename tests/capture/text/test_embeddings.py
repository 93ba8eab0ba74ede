"""Neighbours, the polarity axis and movement, where the truth is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import (
    BAD,
    CLASSES,
    GOOD,
    NUMBERS,
    TOKENS,
    Reader,
    attentive,
    handmade,
    rows,
    specimen,
    trained,
)
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.text import Polarity, movement, neighbours, polarity
from weightdesk.capture.text.association import Association, association, bounded
from weightdesk.capture.text.axis import centred_ranks, coordinates, coordinates_of, effects
from weightdesk.capture.text.gradients import integrated
from weightdesk.capture.text.reading import reading
from weightdesk.errors import OptionError


def few(net: nn.Module, **options: int) -> Polarity:
    return polarity(specimen(net), draws=50, scrambles=8, **options)


def right(found: Polarity) -> float:
    """The share of polar words on their side."""
    sides = [found.coordinate(word).value > 0 for word in GOOD]
    sides += [found.coordinate(word).value < 0 for word in BAD]
    return sum(sides) / len(sides)


def test_neighbours_are_those_of_the_definition() -> None:
    net = trained()
    vectors = net.embedding.weight.double()
    good = vectors[NUMBERS["good"]]
    found = neighbours(specimen(net), "good", count=20)
    cosines = {
        token: float(vectors[number] @ good / vectors[number].norm() / good.norm())
        for number, token in enumerate(TOKENS) if token not in ("<pad>", "<unk>", "good")
    }  # fmt: skip
    assert list(found.words) == sorted(cosines, key=lambda each: -cosines[each])
    assert found.cosines.tolist() == pytest.approx(sorted(cosines.values(), reverse=True))


def test_words_of_one_side_become_neighbours_and_those_of_a_scrambled_network_are_no_nearer_than_chance() -> (
    None
):
    found = neighbours(specimen(trained()), "good", count=3)
    assert set(found.words) <= set(GOOD)
    assert found.cosines[0] > found.chance.high
    random = neighbours(specimen(scrambled(trained(), 77)), "good", count=3)
    assert random.cosines[0] < random.chance.high + 0.05
    assert "scrambled" in found.sections()[0].note
    assert found.title == "the words nearest to 'good', nearer than in scrambled embeddings"


@pytest.mark.parametrize("net", [trained(), trained(1), attentive(1)], ids=["cnn", "another", "attention"])
def test_planted_polar_words_lie_on_their_sides(net: nn.Module) -> None:
    found = few(net)
    assert right(found) == 1
    assert found.agreement.value > max(found.permuted.high, found.scrambled.high)
    assert all(abs(found.coordinate(word).value) > abs(found.coordinate("film").value) for word in GOOD + BAD)


def test_scrambled_weights_put_no_more_on_their_sides_than_chance_does() -> None:
    random = [few(scrambled(trained(), seed)) for seed in range(12)]
    assert 0.3 < sum(map(right, random)) / len(random) < 0.7
    beyond = [each.coordinates.abs() > each.chance for each in random]
    assert torch.cat(beyond).double().mean() < 0.12
    assert abs(sum(each.agreement.value for each in random) / len(random)) < 0.3


def test_the_other_class_is_the_same_axis_the_other_way_round() -> None:
    found, other = few(trained()), polarity(specimen(trained()), "negative", draws=5, scrambles=1)
    assert torch.allclose(found.axis, -other.axis, atol=1e-6)
    assert torch.allclose(found.coordinates, -other.coordinates, atol=1e-6)
    assert (found.low <= found.high).all()


def test_effects_are_the_mean_shares_of_the_words_in_the_margins() -> None:
    held = specimen(trained(), 20)
    words = torch.tensor([NUMBERS["good"], NUMBERS["not"], NUMBERS["film"]])
    found = effects(reading(held), 1, words)
    for example in range(20):
        parts, _ = integrated(reading(held.of_examples([example])), 1, steps=4)
        for column, word in enumerate(words):
            uses = held.inputs[example] == word
            assert found.counts[example, column] == uses.sum()
            assert found.sums[example, column] == pytest.approx(float(parts[0, uses].sum()), abs=1e-5)
    draws = torch.randint(0, 3, (2, 20), generator=torch.Generator().manual_seed(0)).double()
    often = held.inputs.repeat_interleave(draws[0].long(), 0)
    whole = effects(reading(Specimen(held.model, often, tokens=TOKENS)), 1, words)
    expected = whole.means(torch.ones(1, len(often)).double())[0]
    assert torch.allclose(found.means(draws)[0], expected, atol=1e-5)


@given(st.integers(0, 99))
def test_coordinates_are_those_of_a_regression_without_the_word_itself(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors, amounts = (torch.randn(size, generator=generator).double() for size in ((12, 3), (1, 9)))
    known = torch.randperm(12, generator=generator)[:9].sort().values
    ranks = centred_ranks(amounts)[0]
    centred = vectors - vectors[known].mean(0)
    ridge = float(centred[known].square().sum()) / 3
    whole = Ridge(alpha=ridge, fit_intercept=False).fit(centred[known], ranks)
    along = torch.as_tensor(whole.predict(centred))
    for place, word in enumerate(known.tolist()):
        others = torch.arange(9) != place
        # with a column of ones that costs nothing, as the mean is fitted, too
        left = torch.cat([centred[known], torch.ones(9, 1).double()], 1)[others]
        penalty = torch.diag(torch.tensor([ridge] * 3 + [0.0], dtype=torch.float64))
        weights = torch.linalg.solve(left.T @ left + penalty, left.T @ ranks[others])
        along[word] = centred[word] @ weights[:3] + weights[3]
    along = along / float(np.linalg.norm(whole.coef_))
    found = coordinates(vectors, known, amounts)[0]
    assert torch.allclose(found, along - along.quantile(0.5), atol=1e-9)


def test_random_vectors_say_nothing_about_effects() -> None:
    """With a word's own effect in its axis they would: the fault that leaving it out avoids."""
    generator = torch.Generator().manual_seed(0)
    sides = []
    for _ in range(50):
        vectors, amounts = (torch.randn(size, generator=generator).double() for size in ((60, 16), (1, 60)))
        found = coordinates(vectors, torch.arange(60), amounts)[0]
        sides.append(float(((found > 0) == (amounts[0] > amounts.median())).double().mean()))
    assert 0.4 < sum(sides) / len(sides) < 0.51  # what is left out pulls a little the other way


def test_log_odds_and_agreement_are_those_of_the_definition() -> None:
    held = specimen(trained())
    texts, member = association(reading(held)), held.targets == 1
    found = few(trained())
    counts = [
        [float((held.inputs[mask] == int(word)).any(1).sum()) for word in texts.words]
        for mask in (member, ~member)
    ]
    sizes = [int(member.sum()), int((~member).sum())]
    expected = [
        float(torch.log(torch.tensor((a + 0.5) / (sizes[0] - a + 0.5) / ((b + 0.5) / (sizes[1] - b + 0.5)))))
        for a, b in zip(*counts, strict=True)
    ]
    assert texts.log_odds(member).tolist() == pytest.approx(expected, rel=1e-4)
    along = [found.coordinate(TOKENS[int(word)]).value for word in texts.words]
    assert found.agreement.value == pytest.approx(spearmanr(along, texts.log_odds(member)).statistic)


@given(st.integers(0, 99), st.floats(0.1, 10))
def test_coordinates_do_not_depend_on_the_scale_of_effects_or_a_common_shift(seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors, amounts = (torch.randn(size, generator=generator).double() for size in ((9, 4), (1, 9)))
    found = coordinates(vectors, torch.arange(9), amounts)
    assert torch.allclose(found, coordinates(vectors + 3, torch.arange(9), scale * amounts + 1), atol=1e-9)
    assert float(found.quantile(0.5)) == pytest.approx(0, abs=1e-9)


def test_correlations_near_one_and_few_words_are_bounded() -> None:
    assert bounded(0.5, 50).low < 0.5 < bounded(0.5, 50).high < 1
    assert bounded(1.0, 50).low != bounded(1.0, 50).low  # not a number
    alike = Association(torch.tensor([1, 2]), torch.ones(4, 2))
    assert alike.agreement(torch.tensor([0.0, 1.0]), torch.tensor([True, False, True, False])) != 0


def test_the_same_seed_gives_the_same_bits_and_pages_show_them() -> None:
    first, second = few(trained(), seed=3), few(trained(), seed=3)
    assert torch.equal(first.low, second.low)
    assert (first.scrambled, first.permuted) == (second.scrambled, second.permuted)
    assert few(trained(), seed=4).permuted != first.permuted
    words, score = first.sections()
    assert words.table["coordinate"].to_pylist() == sorted(
        first.coordinates.tolist(), key=lambda each: -abs(each)
    )
    assert score.table["Spearman"].to_pylist()[0] == first.agreement.value
    assert "toward positive: agreement 0." in first.title
    with pytest.raises(OptionError, match="the texts do not use the word 'goof'; did you mean good"):
        first.coordinate("goof")


def test_movement_adds_up_the_ways_and_shows_when_the_axis_formed() -> None:
    steps = {step: trained(0, step) for step in (0, 10, 40, 150)}
    seen: list[float] = []
    found = movement(
        steps.__getitem__, [150, 0, 10, 40], specimen(trained()), progress=lambda _, share: seen.append(share)
    )
    weights = [steps[step].embedding.weight.double() for step in found.steps]
    ways = sum((after - before).norm(dim=1) for before, after in pairwise(weights))
    assert torch.allclose(found.path, ways[found.numbers])
    assert (found.displacement <= found.path + 1e-9).all()
    assert found.agreements[0].value < 0.6 < found.agreements[-1].value
    assert found.course("good")[-1] == found.coordinates[-1, found.words.index("good")] > 0
    assert torch.allclose(found.displacement, (weights[-1] - weights[0]).norm(dim=1)[found.numbers])
    assert seen == [0, 0.25, 0.5, 0.75, 1]
    assert [each.table.num_rows for each in found.sections()] == [len(found.words), 4]
    assert found.title == f"how {len(found.words)} words moved from step 0 to 150"
    with pytest.raises(OptionError, match="do not use the word 'x'"):
        found.course("x")
    text = reading(specimen(trained()))
    assert torch.equal(found.coordinates[-1], coordinates_of(text, 1, association(text).words))


def test_what_cannot_be_measured_is_refused() -> None:
    held = specimen(trained())
    with pytest.raises(OptionError, match="at least one snapshot"):
        movement(lambda step: trained(), [], held)
    with pytest.raises(OptionError, match="class of each example must be known"):
        polarity(replace(held, targets=None))
    with pytest.raises(OptionError, match="must be 1 or more"):
        polarity(held, scrambles=0)
    with pytest.raises(OptionError, match="must be 1 or more"):
        neighbours(held, "good", 0)


def test_long_work_can_be_stopped() -> None:
    def stop(_what: str, share: float) -> None:
        if share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        polarity(specimen(trained()), draws=5, scrambles=3, progress=stop)


def test_a_single_output_has_two_sides() -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.reader = handmade()

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            both = self.reader(tokens)
            return both[:, 1:] - both[:, :1]

    held = Specimen(One(), rows("good film", "film"), torch.tensor([1, 0]), CLASSES, tokens=TOKENS)
    words = torch.tensor([NUMBERS["good"], NUMBERS["film"]])
    found = effects(reading(held), 1, words).sums
    assert torch.equal(found, -effects(reading(held), 0, words).sums)
    assert torch.allclose(found, effects(reading(replace(held, model=handmade())), 1, words).sums)
    assert found[0].tolist() == pytest.approx([2, 0])


def test_the_model_stays_as_it_is() -> None:
    torch.manual_seed(0)
    net = Reader((2,), 3).eval()
    before = copy.deepcopy(net.state_dict())
    few(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(each.grad is None and each.requires_grad for each in net.parameters())
