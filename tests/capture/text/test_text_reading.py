"""Where words enter, what their numbers stand for, and taking words away."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import CLASSES, TOKENS, Attentive, Reader, handmade, rows
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.text.edits import with_and_without
from weightdesk.capture.text.estimate import by_chance, change_of_share, mean_estimate
from weightdesk.capture.text.margin import class_number, contrast, logits, margins
from weightdesk.capture.text.reading import reading
from weightdesk.errors import OptionError


def test_the_embedding_that_is_given_the_inputs_is_found_among_others() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places, self.words = nn.Embedding(8, 4), nn.Embedding(len(TOKENS), 4)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return (self.places(torch.arange(tokens.shape[1])) + self.words(tokens)).mean(1)

    text = reading(Specimen(Two(), rows("good film"), tokens=TOKENS))
    assert text.module == "words"
    assert text.padding == 0  # by the token's name
    assert text.uses.tolist() == [int(token in ("good", "film")) for token in TOKENS]
    assert text.word(3) == "film"
    assert text.word(99) == "token 99"
    assert text.real.sum() == 2


def test_texts_without_names_have_no_padding_but_the_embeddings_own() -> None:
    assert reading(Specimen(nn.Embedding(5, 2), torch.tensor([[1, 0]]))).padding is None
    assert reading(Specimen(nn.Embedding(5, 2, padding_idx=3), torch.tensor([[1, 3]]))).padding == 3


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (nn.Linear(2, 2), torch.zeros(1, 2), "rows of token numbers, got shape"),
        (nn.Embedding(5, 2), torch.tensor([1, 2]), "rows of token numbers, got shape"),
        (nn.Identity(), torch.tensor([[1, 2]]), "Identity gives its inputs to no nn.Embedding"),
    ],
)
def test_what_is_no_text_is_refused(model: nn.Module, inputs: torch.Tensor, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        reading(Specimen(model, inputs))


def test_unknown_words_and_classes_are_refused_with_what_was_probably_meant() -> None:
    specimen = Specimen(handmade(), rows("good"), class_names=CLASSES, tokens=TOKENS)
    with pytest.raises(OptionError, match="did you mean film"):
        reading(specimen).number("flim")
    with pytest.raises(OptionError, match="no class 'positiv'; did you mean positive"):
        class_number(specimen, "positiv")
    with pytest.raises(OptionError, match="numbered from 0 to 1, got 2"):
        class_number(specimen, 2)
    assert class_number(specimen, None) == class_number(specimen, "positive") == 1


def test_outputs_that_are_no_classes_are_refused() -> None:
    with pytest.raises(OptionError, match=r"got shape \(1, 2, 3\)"):
        logits(nn.Identity(), torch.zeros(1, 2, 3))


@given(st.integers(2, 6), st.integers(0, 99))
def test_a_margin_is_what_a_class_has_before_the_mean_of_the_others(classes: int, seed: int) -> None:
    outputs = torch.randn(4, classes, generator=torch.Generator().manual_seed(seed))
    toward = seed % classes
    others = torch.cat([outputs[:, :toward], outputs[:, toward + 1 :]], 1)
    assert torch.allclose(margins(outputs, toward), outputs[:, toward] - others.mean(1), atol=1e-6)
    assert abs(float(contrast(classes, toward).sum())) < 1e-6  # what all logits share says nothing


@given(st.lists(st.sampled_from([3, 4, 5, 8, 9]), min_size=1, max_size=6), st.booleans())
def test_texts_are_spelled_with_and_without_both_words(words: list[int], in_front: bool) -> None:
    words = [*words, 9]  # of which 8 may stand in front
    text = [0] * 2 + words if in_front else words + [0] * 2
    found = with_and_without(torch.tensor(text), (8, 9), 0)
    assert found is not None
    both, first, second, none = ([each for each in row if each] for row in found.tolist())
    assert all((row[0] == 0) == in_front for row in found.tolist() if any(row))
    pairs = [place for place in range(len(both) - 1) if both[place : place + 2] == [8, 9]]
    taken = [place for place in pairs if both[:place] + both[place + 2 :] == none]
    assert any((first, second) == tuple([*none[:at], word, *none[at:]] for word in (8, 9)) for at in taken)
    assert words in (both, second)


def test_a_text_without_room_for_both_words_is_not_spelled() -> None:
    assert with_and_without(torch.tensor([5, 9]), (8, 9), 0) is None
    assert with_and_without(torch.tensor([8, 9]), (8, 9), 0) is not None


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    draws = torch.randn(2000, 12, generator=torch.Generator().manual_seed(0)).double() + 3
    found = [mean_estimate(each) for each in draws]
    assert sum(each.low <= 3 <= each.high for each in found) / len(found) == pytest.approx(0.95, abs=0.015)


def test_intervals_of_changes_hold_the_share_as_often_as_they_say() -> None:
    chances = torch.tensor([0.1, 0.6, 0.3]).expand(2000, 3)
    changes = (
        torch.multinomial(chances, 40, replacement=True, generator=torch.Generator().manual_seed(0)) - 1.0
    )
    found = [change_of_share(each) for each in changes]
    assert sum(each.low <= 0.2 <= each.high for each in found) / len(found) >= 0.94
    assert change_of_share(torch.zeros(10)).low < 0 < change_of_share(torch.zeros(10)).high


def test_one_example_bounds_nothing_and_repetitions_are_ranged() -> None:
    assert math.isnan(mean_estimate(torch.ones(1)).low)
    found = by_chance([float(each) for each in range(101)])
    assert (found.value, found.low, found.high) == pytest.approx((50, 2.5, 97.5))


@pytest.mark.parametrize("net", [Reader((2,), 3), Attentive()])
def test_reading_leaves_no_hook_behind(net: nn.Module) -> None:
    reading(Specimen(net, rows("good")))
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in net.modules())
