from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.errors import OptionError
from weightdesk.explain import importance as ablated
from weightdesk.server.questions import importance
from weightdesk.server.questions.importance import EXAMPLES, ImportanceQuestion
from weightdesk.server.session import Session

TURNS = ("mute hidden1[2]", "output.weight[2,5]=0.8")


def test_each_value_is_the_change_of_the_loss_without_the_weight(digits_session: Session) -> None:
    found = ImportanceQuestion(parameter="output.weight", step=6, turns=TURNS).answer(digits_session)
    model, subject = digits_session.model(6, TURNS), digits_session.subject
    assert subject.loss is not None
    assert found.examples == min(EXAMPLES, len(subject.inputs))
    inputs, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
    with torch.no_grad():
        baseline = subject.loss(model(inputs), targets).item()
        assert found.baseline == pytest.approx(baseline, rel=1e-6)
        for index in ((2, 5), (0, 0), (9, 11)):
            kept = model.output.weight[index].item()
            model.output.weight[index] = 0
            change = subject.loss(model(inputs), targets).item() - baseline
            model.output.weight[index] = kept
            assert found.values[index] == pytest.approx(change, abs=1e-6)


@pytest.mark.parametrize("name", ["hidden1.weight", "hidden2.bias"])
def test_it_is_that_of_the_library(digits_session: Session, name: str) -> None:
    found = ImportanceQuestion(parameter=name, step=6).answer(digits_session)
    subject = digits_session.subject
    assert subject.loss is not None
    inputs, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
    expected = ablated(digits_session.model(6), inputs, targets, subject.loss, name)
    assert found.values.shape == digits_session.run.parameters[name].shape
    np.testing.assert_array_equal(found.values, expected.values)
    assert (found.baseline, found.error, found.note) == (expected.baseline, expected.error, expected.note)
    assert found.bound is None or found.bound == expected.bound


def test_of_a_unit_all_incoming_weights_are_missing(digits_session: Session) -> None:
    found = ImportanceQuestion(parameter="hidden1.weight", step=6, level="unit").answer(digits_session)
    model, subject = digits_session.model(6), digits_session.subject
    assert subject.loss is not None
    inputs, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
    assert found.values.shape == (len(model.hidden1.weight),)
    with torch.no_grad():
        before = subject.loss(model(inputs), targets).item()
        model.hidden1.weight[3] = 0
        change = subject.loss(model(inputs), targets).item() - before
    assert found.values[3] == pytest.approx(change, abs=1e-6)


def test_what_takes_too_long_is_refused(digits_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "MOST", 100)
    with pytest.raises(OptionError, match=r"1,024 weights; for more than 100"):
        ImportanceQuestion(parameter="hidden1.weight", step=6).answer(digits_session)
