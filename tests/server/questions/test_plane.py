from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions.plane import PlaneQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

TURNS = ("mute hidden1[2]", "output.weight[0,1]=0.8")


@pytest.fixture(scope="module")
def plane_session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    recipe = Recipe.create("xor", layers=(6, 4), steps=4)
    directory = tmp_path_factory.mktemp("runs") / "xor"
    return Session(open_run(train(recipe, directory, every=1).directory))


def test_the_map_is_the_networks_probabilities_at_each_point(plane_session: Session) -> None:
    plane = PlaneQuestion(step=4, turns=TURNS, points=7).answer(plane_session)
    model = plane_session.model(4, ("output.weight[0,1]=0.8",))
    assert isinstance(model, nn.Sequential)
    with torch.no_grad():
        for row, column in ((0, 0), (2, 5), (6, 3)):
            point = torch.tensor([[float(plane.x[column]), float(plane.y[row])]])
            hidden = model[1](model[0](point))
            hidden[:, 2] = 0
            expected = model[2:](hidden)[0].softmax(dim=0)
            torch.testing.assert_close(torch.from_numpy(plane.outputs[row, column]), expected)
    assert plane.probabilities
    assert plane.unit is None


def test_the_axes_cover_the_examples_and_a_tenth_more(plane_session: Session) -> None:
    plane = PlaneQuestion(step=0).answer(plane_session)
    inputs = plane_session.subject.inputs.numpy()
    for axis, values in enumerate((plane.x, plane.y)):
        least, most = inputs[:, axis].min(), inputs[:, axis].max()
        room = 0.1 * (most - least)
        np.testing.assert_allclose(values[[0, -1]], [least - room, most + room], rtol=1e-5)
        assert len(values) == 48


def test_a_unit_is_mapped_too(plane_session: Session) -> None:
    plane = PlaneQuestion(step=3, points=5, module="hidden2", unit=1).answer(plane_session)
    model = plane_session.model(3)
    assert isinstance(model, nn.Sequential)
    assert plane.unit is not None
    with torch.no_grad():
        point = torch.tensor([[float(plane.x[4]), float(plane.y[1])]])
        expected = model[:3](point)[0, 1].item()
    assert plane.unit[1, 4] == pytest.approx(expected, abs=1e-6)


def test_probabilities_of_a_point_add_up_to_one(plane_session: Session) -> None:
    plane = PlaneQuestion(step=4, points=3).answer(plane_session)
    np.testing.assert_allclose(plane.outputs.sum(axis=2), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"module": "hidden9"}, "there is no module 'hidden9': the network has hidden1, relu1"),
        ({"module": "hidden1", "unit": 6}, "unit 6 of hidden1 does not exist: expected 0…5"),
    ],
)
def test_units_that_do_not_exist_are_refused(
    plane_session: Session, question: dict[str, object], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        PlaneQuestion(step=4, points=3, **question).answer(plane_session)  # type: ignore[arg-type]


def test_pictures_have_no_plane(digits_session: Session) -> None:
    with pytest.raises(OptionError, match="two numbers"):
        PlaneQuestion(step=6).answer(digits_session)
