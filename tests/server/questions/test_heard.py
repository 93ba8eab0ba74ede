from __future__ import annotations

import pytest
import torch

from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server.questions.heard import HeardQuestion
from weightdesk.server.session import Session

TURNS = ("mute hidden1[2]", "output.weight[2,5]=0.8")


def test_outputs_and_scores_are_those_of_the_desk(digits_session: Session) -> None:
    heard = HeardQuestion(step=6, turns=TURNS, example=3).answer(digits_session)
    with digits_session.desk(6, TURNS) as desk:
        outcome = desk.outcome
        assert torch.equal(torch.from_numpy(heard.outputs), desk.outputs(3)[0])
    assert (heard.scores.loss, heard.scores.accuracy) == (outcome.loss, outcome.accuracy)
    assert heard.scores.loss_before == outcome.measures["loss"].before
    assert heard.scores is not None
    assert heard.scores.seen == heard.scores.examples == outcome.count


def test_units_answer_as_in_a_forward_pass_by_hand(digits_session: Session) -> None:
    heard = HeardQuestion(step=6, example=7).answer(digits_session)
    network = digits_session.model(6)
    value = digits_session.subject.inputs[7:8]
    answers = {each.module: each for each in heard.layers}
    with torch.no_grad():
        for name, module in network.named_children():
            value = module(value)
            assert answers[name].shape == value[0].shape
            if list(module.parameters()):
                torch.testing.assert_close(torch.from_numpy(answers[name].values), value[0])
            else:
                assert not answers[name].values.size
    assert (heard.outputs == heard.before).all()


def test_numbers_of_ones_own_are_heard(digits_session: Session) -> None:
    own = tuple(digits_session.subject.inputs[4].flatten().double().tolist())
    drawn = HeardQuestion(step=6, own=own).answer(digits_session)
    example = HeardQuestion(step=6, example=4).answer(digits_session)
    assert (drawn.outputs == example.outputs).all()


def test_without_patience_scores_are_estimates_that_say_so(digits_session: Session) -> None:
    heard = HeardQuestion(step=6, turns=("scale hidden1 1.1",), patience=0).answer(digits_session)
    exact = HeardQuestion(step=6, turns=("scale hidden1 1.1",)).answer(digits_session)
    assert heard.scores is not None
    assert heard.scores.seen <= heard.scores.examples
    assert (heard.scores.loss_error is None) == (heard.scores.seen == heard.scores.examples)
    assert heard.scores.loss == pytest.approx(exact.scores.loss, abs=3 * (heard.scores.loss_error or 1e-9))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"example": 10**6}, "does not exist"),
        ({"own": (1.0, 2.0)}, "an input has 64 numbers, got 2"),
        ({"turns": ("mut hidden1[2]",)}, "did you mean mute"),
    ],
)
def test_what_cannot_be_heard_is_refused(
    digits_session: Session, question: dict[str, object], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        HeardQuestion(step=6, **question).answer(digits_session)  # type: ignore[arg-type]


def test_it_is_heard_the_same_again(digits_session: Session) -> None:
    question = HeardQuestion(step=6, turns=TURNS, example=3)
    first, other = question.answer(digits_session), HeardQuestion(step=2).answer(digits_session)
    again = question.answer(digits_session)
    assert (first.outputs == again.outputs).all()
    assert (first.outputs != other.outputs).any()


def test_scores_that_would_take_longer_than_there_is_time_are_left_out(digits_run: Run) -> None:
    session = Session(digits_run)
    found = [
        HeardQuestion(step=6, turns=(f"scale hidden1 {each}",), patience=1e-9).answer(session)
        for each in (1.1, 1.2)
    ]
    assert [each.scores for each in found] == [None, None]
    assert (found[0].outputs != found[1].outputs).any()
