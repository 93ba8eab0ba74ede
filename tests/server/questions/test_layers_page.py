"""What the Layers page asks: each answer is what the Python API says of the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from weightdesk.capture.activations import activations
from weightdesk.capture.circuits import feeding
from weightdesk.capture.examples import strongest_examples
from weightdesk.capture.readings import READINGS
from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions.captured import CapturedQuestion
from weightdesk.server.questions.patches import PatchesQuestion
from weightdesk.server.questions.pictures import PicturesQuestion
from weightdesk.server.questions.reading import ReadingQuestion
from weightdesk.server.session import EXAMINED, Session
from weightdesk.training import Recipe, train

TURNS = ("scale conv1[1] 2",)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=8)
    return Session(open_run(train(recipe, tmp_path_factory.mktemp("runs") / "digits", every=4).directory))


def test_layers_come_as_they_run_with_what_fits_them(session: Session) -> None:
    found = CapturedQuestion().answer(session)
    assert [(each.name, each.units) for each in found.layers] == [("conv1", 3), ("conv2", 4), ("output", 10)]
    assert found.examples == min(EXAMINED, len(session.subject.inputs))
    assert found.part == "test"
    names = {each.name for each in found.readings}
    assert {"probes", "filters", "feeding"} <= names
    assert not names & {"phrases", "polarity", "story"}  # words there are none, and the story is its parts


def test_a_picture_reaches_what_the_network_says_of_it(session: Session) -> None:
    question = PicturesQuestion(layer="conv2", step=8, turns=TURNS, count=2)
    found = question.answer(session)
    case = session.case(8, TURNS).about(layer_name="conv2")
    assert found.values.shape == (2, 1, 8, 8)
    for values, most in (
        (torch.from_numpy(found.values.copy()), found.reached),
        (case.specimen.inputs, found.strongest),
    ):
        z = activations(case.specimen.model, values, [case.layer], before=True)["conv2"].amax(2)
        expected = z.diagonal() if len(values) == 2 else z.amax(0)[:2]
        np.testing.assert_allclose(most, expected, rtol=1e-4)
    again = question.answer(session)  # from the cache beside the run
    np.testing.assert_array_equal(again.values, found.values)
    assert list(Path(session.run.path, "capture").glob("pictures-*.safetensors"))


def test_patches_are_the_strongest_and_weakest_examples(session: Session) -> None:
    found = PatchesQuestion(layer="conv2", unit=1, step=8).answer(session)
    case = session.case(8).about(layer_name="conv2")
    z = activations(case.specimen.model, case.specimen.inputs, [case.layer], before=True)["conv2"][:, 1]
    expected = strongest_examples(case.specimen, case.layer, found.strongest)
    np.testing.assert_array_equal(found.examples[: found.strongest], expected.most.examples[1])
    np.testing.assert_allclose(found.activations[0], z.max(), rtol=1e-6)
    np.testing.assert_allclose(found.activations[found.strongest], z.min(), rtol=1e-6)
    top, bottom, left, right = found.boxes[0]
    assert 0 <= top < bottom <= 8
    assert 0 <= left < right <= 8
    np.testing.assert_array_equal(found.inputs[0], session.subject.inputs[found.examples[0]])


def test_a_reading_is_the_page_of_the_python_api(session: Session) -> None:
    found = ReadingQuestion(name="feeding", layer="output", unit=3, step=8, turns=TURNS).answer(session)
    case = session.case(8, TURNS).about(layer_name="output")
    page = feeding(case.specimen, case.layer, 3, untrained=case.untrained)
    table = page.to_arrow()
    columns = {each.name: each for each in found.tables[0].columns}
    assert found.title == page.title
    assert found.tables[0].rows == table.num_rows
    assert columns["feeder"].words == tuple(table["feeder"].to_pylist())
    np.testing.assert_array_equal(columns["in use"].numbers, table["in use"].to_numpy())
    assert columns["in use"].bar
    assert not columns["feeder"].bar


@pytest.mark.parametrize(
    "name", [name for name, each in READINGS.items() if each.about == "layer" and name != "texts"]
)
def test_every_reading_of_a_layer_answers(session: Session, name: str) -> None:
    assert ReadingQuestion(name=name, layer="conv2", step=8).answer(session).tables


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"name": "featurs"}, "nothing is called 'featurs'"),
        ({"name": "phrases"}, "phrases needs convolutions over words"),
        ({"name": "dead"}, "name a layer"),
        ({"name": "dead", "layer": "conv9"}, "there is no layer 'conv9'"),
        ({"name": "feeding", "layer": "conv2"}, "name a unit"),
        ({"name": "feeding", "layer": "conv2", "unit": 4}, "there is no unit 4: conv2 has units 0 to 3"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(session: Session, given: dict[str, object], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        ReadingQuestion.model_validate({"step": 8, **given}).answer(session)
