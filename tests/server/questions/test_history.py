from __future__ import annotations

import pytest

from weightdesk.errors import IndexRangeError, UnknownParameterError
from weightdesk.runs import Run
from weightdesk.server.questions.history import HistoryQuestion
from weightdesk.server.session import Session

WEIGHT = ("hidden1.weight", (3, 17))


def test_values_and_gradients_are_those_of_the_run(digits_run: Run, digits_session: Session) -> None:
    name, index = WEIGHT
    found = HistoryQuestion(parameter=name, index=index).answer(digits_session)
    weight, gradient = digits_run.history(name, index), digits_run.gradient_history(name, index)
    assert found.steps.tolist() == weight.steps.tolist()
    assert found.values.tolist() == weight.values.tolist()
    assert found.gradient_steps.tolist() == gradient.steps.tolist()
    assert found.gradients.tolist() == gradient.values.tolist()
    assert found.snapshots.tolist() == list(digits_run.steps)
    assert found.sampled is weight.sampled


def test_each_value_is_that_of_its_snapshot(digits_run: Run, digits_session: Session) -> None:
    name, index = WEIGHT
    found = HistoryQuestion(parameter=name, index=index).answer(digits_session)
    known = dict(zip(found.steps.tolist(), found.values.tolist(), strict=True))
    assert set(found.snapshots.tolist()) <= set(known)
    assert all(known[step] == digits_run.weights(name, step)[index].item() for step in digits_run.steps)


def test_sampled_weights_and_others_are_told_apart(digits_run: Run, digits_session: Session) -> None:
    sampled = digits_run.manifest.recording["sampled"]["hidden1.weight"]
    for place in (sampled[0], next(each for each in range(16 * 64) if each not in sampled)):
        found = HistoryQuestion(parameter="hidden1.weight", index=divmod(place, 64)).answer(digits_session)
        assert found.sampled is (place in sampled)


def test_it_may_go_on() -> None:
    assert not HistoryQuestion.settled


@pytest.mark.parametrize(
    ("name", "index", "error"),
    [("hidden9.weight", (0, 0), UnknownParameterError), ("hidden1.weight", (16, 0), IndexRangeError)],
)
def test_a_weight_that_is_none_is_refused(
    digits_session: Session, name: str, index: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        HistoryQuestion(parameter=name, index=index).answer(digits_session)
