from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions.activity import EXAMPLES, STRONGEST, ActivityQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

TURNS = ("mute hidden1[2]", "scale hidden1[4] 2")


@pytest.mark.parametrize("module", ["relu1", "output"])
def test_units_are_as_in_a_forward_pass_by_hand(digits_session: Session, module: str) -> None:
    found = ActivityQuestion(module=module, step=6, turns=TURNS).answer(digits_session)
    model, subject = digits_session.model(6, TURNS), digits_session.subject
    value, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
    with torch.no_grad():
        for name, each in model.named_children():
            value = each(value)
            if name == module:
                break
    values = value.double().numpy()
    assert found.examples == len(values)
    np.testing.assert_allclose(found.magnitude, np.abs(values).mean(0), rtol=1e-12)
    np.testing.assert_array_equal(found.active, (values > 0).mean(0))
    for digit in range(10):
        np.testing.assert_allclose(found.by_class[:, digit], values[targets == digit].mean(0), rtol=1e-9)
    assert found.strongest.shape == (values.shape[1], STRONGEST)
    for unit in range(values.shape[1]):
        np.testing.assert_array_equal(found.peaks[unit], values[found.strongest[unit], unit])
        np.testing.assert_array_equal(found.peaks[unit], np.sort(values[:, unit])[::-1][:STRONGEST])


def test_a_muted_unit_is_silent(digits_session: Session) -> None:
    found = ActivityQuestion(module="relu1", step=6, turns=TURNS).answer(digits_session)
    assert found.magnitude[2] == found.active[2] == 0
    assert found.magnitude[4] > 0


def test_in_a_map_means_are_over_the_places_and_peaks_at_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=1)
    session = Session(open_run(train(recipe, tmp_path_factory.mktemp("runs") / "maps", every=1).directory))
    found = ActivityQuestion(module="conv1", step=1).answer(session)
    subject = session.subject
    with torch.no_grad():
        values = session.model(1).conv1(subject.inputs[:EXAMPLES]).double()
    np.testing.assert_allclose(found.magnitude, values.abs().mean((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(found.active, (values > 0).double().mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(
        found.by_class[:, 3], values[subject.targets[:EXAMPLES] == 3].mean((0, 2, 3)), rtol=1e-9
    )
    best = values.amax((2, 3)).sort(0, descending=True)
    np.testing.assert_array_equal(found.peaks, best.values[:STRONGEST].T)


def test_what_follows_in_place_changes_nothing(digits_session: Session) -> None:
    expected = ActivityQuestion(module="hidden1", step=6).answer(digits_session)
    model = digits_session.model(6)
    for name in ("relu1", "relu2"):
        setattr(model, name, nn.ReLU(inplace=True))
    session = Session(digits_session.run, replace(digits_session.subject, model=model))
    found = ActivityQuestion(module="hidden1", step=6).answer(session)
    np.testing.assert_array_equal(found.peaks, expected.peaks)
    np.testing.assert_array_equal(found.active, expected.active)


def test_without_classes_there_are_no_means_of_them(digits_session: Session) -> None:
    plain = Session(digits_session.run, replace(digits_session.subject, class_names=()))
    assert ActivityQuestion(module="relu1", step=6).answer(plain).by_class.shape == (16, 0)


def test_a_target_that_is_no_class_is_left_out(digits_session: Session) -> None:
    subject = digits_session.subject
    targets = torch.where(subject.targets == 3, -100, subject.targets)
    session = Session(digits_session.run, replace(subject, targets=targets))
    found = ActivityQuestion(module="relu1", step=6).answer(session).by_class
    expected = ActivityQuestion(module="relu1", step=6).answer(digits_session).by_class
    assert np.isnan(found[:, 3]).all()
    np.testing.assert_array_equal(np.delete(found, 3, axis=1), np.delete(expected, 3, axis=1))


def test_a_module_that_is_none_is_refused(digits_session: Session) -> None:
    with pytest.raises(OptionError, match="no module 'hidden9'"):
        ActivityQuestion(module="hidden9", step=6).answer(digits_session)
