from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.desk import Desk
from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.runs import Run, open_run
from weightdesk.server.questions.surface import SurfaceQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, held_out, train

NAMES = ("output.weight", "output.weight")
INDICES = ((0, 0), (0, 2))
SPANS = ((-1.0, 1.0), (0.0, 0.5))


@pytest.fixture(scope="module")
def radio_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = Recipe.create("radio", steps=8)
    return open_run(train(recipe, tmp_path_factory.mktemp("runs") / "radio", every=2).directory)


@pytest.fixture(scope="module")
def radio_session(radio_run: Run) -> Session:
    return Session(radio_run)


def test_losses_are_those_of_the_network_with_both_weights_set(
    radio_run: Run, radio_session: Session
) -> None:
    question = SurfaceQuestion(step=8, names=NAMES, indices=INDICES, spans=SPANS, points=3)
    found = question.answer(radio_session)
    held = held_out(radio_run.recipe or {})
    model = held.model
    weight = model.get_parameter("output.weight")
    radio_run.load_into(model, 8)
    assert found.first.tolist() == [-1, 0, 1]
    assert found.second.tolist() == [0, 0.25, 0.5]
    with torch.no_grad():
        for row, one in enumerate(found.first):
            for column, two in enumerate(found.second):
                weight[0, 0], weight[0, 2] = float(one), float(two)
                expected = held.loss(model(held.inputs), held.targets).item()
                assert found.losses[row, column] == pytest.approx(expected, rel=1e-4)


def test_it_is_that_of_the_desk_with_the_turns(radio_run: Run, radio_session: Session) -> None:
    turns = ("output.weight[0,1]=0.25",)
    question = SurfaceQuestion(step=4, turns=turns, names=NAMES, indices=INDICES, spans=SPANS, points=4)
    found = question.answer(radio_session)
    held = held_out(radio_run.recipe or {})
    radio_run.load_into(held.model, 4)
    desk = Desk(held.model, held.inputs, held.targets, held.loss, incremental=False, run=radio_run)
    desk.set("output.weight", (0, 1), 0.25)
    values = [torch.linspace(*each, 4, dtype=torch.float64) for each in SPANS]
    surface = desk.surface((NAMES[0], INDICES[0], values[0]), (NAMES[1], INDICES[1], values[1]))
    np.testing.assert_array_equal(found.losses, surface.losses.numpy())
    assert (found.now, found.loss, found.exact) == (surface.value, surface.loss, bool(surface.exact.all()))


def test_the_way_is_that_of_the_recorded_weights(radio_run: Run, radio_session: Session) -> None:
    found = SurfaceQuestion(step=8, names=NAMES, indices=INDICES, points=2).answer(radio_session)
    assert set(radio_run.steps) <= set(found.steps.tolist())
    for axis, (name, index) in enumerate(zip(NAMES, INDICES, strict=True)):
        history = radio_run.history(name, index)
        known = dict(zip(history.steps.tolist(), history.values.tolist(), strict=True))
        assert [known[step] for step in found.steps.tolist()] == found.path[:, axis].tolist()
        values = (found.first, found.second)[axis]
        assert values[0] < found.path[:, axis].min()
        assert values[-1] > found.path[:, axis].max()


@pytest.mark.parametrize(
    ("indices", "error"), [(((0, 0), (0, 0)), OptionError), (((0, 0), (0, 9)), IndexRangeError)]
)
def test_two_weights_that_are_none_are_refused(
    radio_session: Session, indices: tuple[tuple[int, int], tuple[int, int]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        SurfaceQuestion(step=8, names=NAMES, indices=indices).answer(radio_session)
