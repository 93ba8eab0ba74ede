"""The networks that the project trains are read as what they are."""

from __future__ import annotations

import pytest
import torch
from planted_texts import CLASSES, TOKENS, learned, texts

from weightdesk.capture import Specimen
from weightdesk.capture.text import attention, deciding, head_roles, negation, polarity, top_phrases
from weightdesk.training.networks import Plan, build


@pytest.fixture(scope="module")
def specimens() -> dict[str, Specimen]:
    plan = Plan(
        input_shape=(8,), outputs=2, tokens=len(TOKENS), layers=(6, 6), embedding=12, heads=2, dropout=0.1
    )
    found = {}
    for name in ("textcnn", "transformer"):
        torch.manual_seed(0)
        net = learned(build(name, plan), 0, steps=60)
        found[name] = Specimen(net, *texts(280, 3), class_names=CLASSES, tokens=TOKENS)
    return found


def test_a_textcnn_tells_phrases_and_exact_terms(specimens: dict[str, Specimen]) -> None:
    held = specimens["textcnn"]
    assert {each.layer for each in top_phrases(held, 2, scrambles=1).phrases} == {"conv2", "conv3"}
    found = deciding(held, 4, scrambles=2)
    assert found.exact
    assert abs(found.remainder) <= 1e-5 * float(found.terms.abs().sum())


def test_a_transformer_tells_heads_and_their_roles(specimens: dict[str, Specimen]) -> None:
    held = specimens["transformer"]
    names = [(f"block{block}.attention", head) for block in (1, 2) for head in (0, 1)]
    found = attention(held, scrambles=1)
    assert [(each.module, each.head) for each in found.heads] == names
    assert all(each.ways["padding"].value == 0 for each in found.heads)
    assert sorted((each.module, each.head) for each in head_roles(held, scrambles=1).heads) == names
    assert not deciding(held, 4, scrambles=1).exact


def test_the_words_of_a_textcnn_lie_on_their_sides(specimens: dict[str, Specimen]) -> None:
    found = polarity(specimens["textcnn"], draws=20, scrambles=4)
    assert found.agreement.value > max(found.permuted.high, found.scrambled.high)


@pytest.mark.parametrize("name", ["textcnn", "transformer"])
def test_both_turn_good_around_behind_not(name: str, specimens: dict[str, Specimen]) -> None:
    effect = negation(specimens[name], "good", "not", scrambles=4).effect
    assert effect.turned.high < 0
