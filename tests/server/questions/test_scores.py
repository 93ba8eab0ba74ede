from __future__ import annotations

import pytest
from torch.nn.functional import cross_entropy

from weightdesk.server.questions.scores import ScoresQuestion
from weightdesk.server.session import Session

TURNS = ("mute hidden1[2]",)


def test_scores_are_those_of_a_network_turned_by_hand(digits_session: Session) -> None:
    subject, model = digits_session.subject, digits_session.model(6).requires_grad_(False)
    before = float(cross_entropy(model(subject.inputs), subject.targets))
    for each in ("hidden1.weight", "hidden1.bias"):
        model.get_parameter(each)[2] = 0
    outputs = model(subject.inputs)
    found = ScoresQuestion(step=6, turns=TURNS).answer(digits_session)
    assert found.loss == pytest.approx(float(cross_entropy(outputs, subject.targets)), rel=1e-5)
    assert found.loss_before == pytest.approx(before, rel=1e-5)
    assert found.accuracy == pytest.approx(float((outputs.argmax(1) == subject.targets).float().mean()))
    assert found.loss_error is None
    assert found.seen == found.examples == len(subject.targets)


def test_without_turns_nothing_differs(digits_session: Session) -> None:
    found = ScoresQuestion(step=6).answer(digits_session)
    assert (found.loss, found.accuracy) == (found.loss_before, found.accuracy_before)
    assert found == ScoresQuestion(step=6).answer(digits_session)
