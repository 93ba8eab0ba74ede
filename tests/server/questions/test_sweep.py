from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.desk import Desk
from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server.questions.sweep import SweepQuestion
from weightdesk.server.session import Session
from weightdesk.training import held_out

WEIGHT = ("hidden2.weight", (3, 5))


@pytest.fixture(scope="module")
def desk(digits_run: Run) -> Desk:
    """What the library does, without a session."""
    held = held_out(digits_run.recipe or {})
    digits_run.load_into(held.model, 6)
    desk = Desk(held.model, held.inputs, held.targets, held.loss, incremental=False, run=digits_run)
    desk.mute("hidden1", 2)
    return desk


@pytest.mark.parametrize("turns", [(), ("mute hidden1[2]",)])
def test_losses_are_those_of_the_network_with_the_weight_set(
    digits_session: Session, turns: tuple[str, ...]
) -> None:
    name, index = WEIGHT
    found = SweepQuestion(parameter=name, index=index, step=6, turns=turns).answer(digits_session)
    assert (np.diff(found.values) > 0).all()
    model, subject = digits_session.model(6, turns), digits_session.subject
    assert subject.loss is not None
    weight = dict(model.named_parameters())[name]
    with torch.no_grad():
        for number in (0, 13, len(found.values) - 1):
            weight[index] = float(found.values[number])
            loss = subject.loss(model(subject.inputs), subject.targets).item()
            assert found.losses[number] == pytest.approx(loss, abs=1e-6 + found.errors[number])


def test_it_is_that_of_the_desk(digits_session: Session, desk: Desk) -> None:
    name, index = WEIGHT
    found = SweepQuestion(parameter=name, index=index, step=6, turns=("mute hidden1[2]",)).answer(
        digits_session
    )
    expected = desk.sweep(name, index)
    order = expected.values.argsort()
    np.testing.assert_array_equal(found.values, expected.values[order])
    if bool(expected.exact.all()) and found.exact.all():
        np.testing.assert_allclose(found.losses, expected.losses[order], rtol=1e-9)
        assert not found.errors.any()
    assert found.present[:2] == pytest.approx([expected.value, expected.loss], rel=1e-9)
    assert found.present[2] == pytest.approx(expected.slope, abs=1e-8 + 2 * expected.slope_error)
    assert found.notes[0] == expected.notes[0]


def test_the_lowest_point_is_not_above_what_was_seen(digits_session: Session) -> None:
    name, index = WEIGHT
    found = SweepQuestion(parameter=name, index=index, step=6).answer(digits_session)
    _, loss, error = found.lowest.tolist()
    assert error >= 0
    assert loss <= found.losses.min() + 1e-12
    assert found.exact.shape == found.errors.shape == found.losses.shape == found.values.shape
    assert not found.errors[found.exact.astype(bool)].any()


def test_where_no_loss_is_a_number_there_is_no_lowest_point(digits_session: Session) -> None:
    turns = ("output.bias[0]=nan",)
    name, index = WEIGHT
    found = SweepQuestion(parameter=name, index=index, step=6, turns=turns).answer(digits_session)
    assert found.lowest.shape == (0,)
    assert np.isnan(found.present[1])


def test_several_weights_are_refused(digits_session: Session) -> None:
    with pytest.raises(OptionError, match="a sweep turns one"):
        SweepQuestion(parameter="hidden2.weight", index=(3,), step=6).answer(digits_session)
