from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain import explain_unit
from weightdesk.runs import open_run
from weightdesk.server.questions.terms import SHOWN, TermsQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

TURNS = ("scale hidden1[2] 1.5", "hidden2.weight[4,2]=0.7")


@pytest.mark.parametrize("name", ["hidden1.weight", "hidden2.weight", "output.bias"])
@pytest.mark.parametrize("turns", [(), TURNS])
def test_terms_are_those_of_the_library(digits_session: Session, name: str, turns: tuple[str, ...]) -> None:
    found = TermsQuestion(parameter=name, unit=4, step=6, turns=turns, example=9).answer(digits_session)
    expected = explain_unit(digits_session.model(6, turns), digits_session.subject.inputs, name, 4, 9)
    order = expected.order[:SHOWN]
    assert found.names == tuple(expected.names[each] for each in order)
    for mine, theirs in (
        (found.inputs, expected.x), (found.weights, expected.weight), (found.products, expected.product)
    ):  # fmt: skip
        np.testing.assert_allclose(mine, theirs[order], rtol=1e-5, atol=1e-7)
    assert found.others == len(expected.product) - len(order)
    assert found.sums[1:3] == pytest.approx([expected.bias, expected.z], rel=1e-5)
    assert found.place == expected.place
    assert found.activation == (expected.activation.name if expected.activation else None)
    assert len(found.sums) == (5 if expected.activation else 4)


def test_they_add_up_to_what_the_network_computes(digits_session: Session) -> None:
    found = TermsQuestion(parameter="hidden1.weight", unit=4, step=6, turns=TURNS).answer(digits_session)
    rest, bias, z, remainder, after = found.sums.tolist()
    assert found.products.sum() + rest + bias == pytest.approx(z, rel=1e-12)
    np.testing.assert_allclose(found.inputs * found.weights, found.products, rtol=1e-12)
    model = digits_session.model(6, TURNS)
    with torch.no_grad():
        recorded = model.hidden1(model.flatten(digits_session.subject.inputs[:1]))[0, 4].item()
    assert z + remainder == pytest.approx(recorded, rel=1e-6)
    assert after == pytest.approx(max(recorded, 0), abs=1e-6)


def test_numbers_of_ones_own_are_explained(digits_session: Session) -> None:
    own = tuple(digits_session.subject.inputs[3].flatten().double().tolist())
    question = TermsQuestion(parameter="hidden1.weight", unit=1, step=6, example=3)
    drawn = question.model_copy(update={"own": own, "example": 0}).answer(digits_session)
    assert drawn.sums.tolist() == question.answer(digits_session).sums.tolist()


def test_columns_have_their_names_in_the_first_layer_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("radio", network="mlp", layers=(3,), steps=2)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "columns", every=1).directory)
    session = Session(run)
    first = TermsQuestion(parameter="hidden1.weight", unit=0, step=2).answer(session)
    assert set(first.names) == set(session.subject.input_names)
    later = TermsQuestion(parameter="output.weight", unit=0, step=2).answer(session)
    assert not set(later.names) & set(session.subject.input_names)


def test_in_a_map_the_place_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("digits", network="cnn", layers=(3,), steps=1)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "maps", every=1).directory)
    found = TermsQuestion(parameter="conv1.weight", unit=2, step=1, example=5).answer(Session(run))
    assert len(found.place) == 2
    assert len(found.names) == 9


@pytest.mark.parametrize(
    ("question", "error"),
    [({"unit": 99}, IndexRangeError), ({"unit": 0, "example": 10**6}, OptionError)],
)
def test_what_is_not_there_is_refused(
    digits_session: Session, question: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        TermsQuestion(parameter="hidden1.weight", step=6, **question).answer(digits_session)  # type: ignore[arg-type]
