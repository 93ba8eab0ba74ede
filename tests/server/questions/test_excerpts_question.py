"""Texts that excite units come as the Python API finds them; what is being done is told."""

from __future__ import annotations

import numpy as np
import pytest

from weightdesk.capture.text import excerpts
from weightdesk.runs import open_run
from weightdesk.server.questions.excerpts import ExcerptsQuestion
from weightdesk.server.questions.reading import ReadingQuestion
from weightdesk.server.questions.working import WorkingQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    recipe = Recipe.create("reviews", steps=4, examples=400)
    return Session(open_run(train(recipe, tmp_path_factory.mktemp("runs") / "reviews", every=4).directory))


def test_each_unit_has_its_texts(session: Session) -> None:
    found = ExcerptsQuestion(layer="conv3", first=2, count=3, each=2, step=4).answer(session)
    case = session.case(4).about(layer_name="conv3")
    expected = excerpts(case.specimen, case.layer)
    assert len(found.texts) == 3
    for row, unit in enumerate((2, 3, 4)):
        for column, (least, rank) in enumerate([(False, 0), (False, 1), (True, 0), (True, 1)]):
            text = expected.excerpt(unit, rank, least=least)
            shown = found.texts[row][column]
            assert (shown.example, shown.before, shown.seen, shown.after) == (
                text.example, text.before, text.seen, text.after,
            )  # fmt: skip
            np.testing.assert_array_equal(found.activations[row][column], text.activation)
    assert ReadingQuestion(name="texts", layer="conv3", step=4).answer(session).tables[0].rows


def test_probes_read_what_is_planted_in_texts(session: Session) -> None:
    (words, *_) = ReadingQuestion(name="probes", step=4).answer(session).tables
    properties = next(each.words for each in words.columns if each.name == "property")
    assert properties is not None
    assert {"negation", "topic", "wording"} <= set(properties)


def test_what_is_being_done_is_told(session: Session) -> None:
    session.gauge.rest()
    assert WorkingQuestion().answer(session).what is None
    session.gauge.tell("probes", 0.5)
    found = WorkingQuestion().answer(session)
    assert (found.what, found.share) == ("probes", 0.5)
    session.gauge.rest()
