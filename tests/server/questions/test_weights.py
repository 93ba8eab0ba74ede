from __future__ import annotations

import pytest
import torch

from weightdesk.errors import IndexRangeError, OptionError, StepNotKeptError
from weightdesk.runs import Run
from weightdesk.server.questions import weights
from weightdesk.server.questions.weights import WeightsQuestion
from weightdesk.server.session import Session


@pytest.mark.parametrize("what", ["weight", "gradient", "update"])
def test_they_are_those_of_the_run(digits_run: Run, digits_session: Session, what: str) -> None:
    read = {"weight": digits_run.weights, "gradient": digits_run.gradient, "update": digits_run.update}[what]
    for name in digits_run.parameters:
        found = WeightsQuestion(parameter=name, step=3, what=what).answer(digits_session).values
        assert torch.equal(torch.from_numpy(found), read(name, 3))


def test_turned_ones_are_those_of_the_desk(digits_session: Session) -> None:
    turns = ("mute hidden1[2]", "hidden1.weight[0,5]=0.25")
    found = WeightsQuestion(parameter="hidden1.weight", step=6, turns=turns).answer(digits_session).values
    assert found[0, 5] == 0.25
    assert not found[2].any()
    plain = WeightsQuestion(parameter="hidden1.weight", step=6).answer(digits_session).values
    differing = (found != plain).nonzero()
    assert set(differing[0].tolist()) == {0, 2}


def test_of_one_unit_they_are_its_row_however_large_the_layer(
    digits_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "AT_ONCE", 100)
    turns = ("hidden1.weight[3,5]=0.25",)
    about = {"parameter": "hidden1.weight", "step": 6, "turns": turns}
    found = WeightsQuestion(**about, unit=3).answer(digits_session).values
    assert torch.equal(torch.from_numpy(found), digits_session.weights("hidden1.weight", 6, turns)[3])
    plain = WeightsQuestion(parameter="hidden1.weight", step=6, unit=3).answer(digits_session).values
    assert torch.equal(torch.from_numpy(plain), digits_session.run.weights("hidden1.weight", 6)[3])
    with pytest.raises(IndexRangeError, match=r"hidden1\.weight has 16 units, got 16"):
        WeightsQuestion(**about, unit=16).answer(digits_session)


def test_what_is_too_large_is_refused_with_a_way_out(
    digits_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "AT_ONCE", 100)
    with pytest.raises(OptionError, match="look at it in tiles"):
        WeightsQuestion(parameter="hidden1.weight", step=6).answer(digits_session)


def test_a_step_that_is_not_kept_is_refused(digits_session: Session) -> None:
    with pytest.raises(StepNotKeptError):
        WeightsQuestion(parameter="hidden1.weight", step=4000).answer(digits_session)
