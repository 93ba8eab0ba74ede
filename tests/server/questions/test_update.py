from __future__ import annotations

from pathlib import Path

import pytest
import torch
from trainings import run_steps, small_network

import weightdesk
from weightdesk.errors import StepNotKeptError
from weightdesk.runs import Run, open_run
from weightdesk.server.questions.update import UpdateQuestion, kept_gradient
from weightdesk.server.session import Session


@pytest.mark.parametrize(("name", "index"), [("hidden1.weight", (3, 17)), ("output.bias", (2,))])
@pytest.mark.parametrize("step", [0, 4])
def test_parts_are_those_of_the_run(
    digits_run: Run, digits_session: Session, name: str, index: tuple[int, ...], step: int
) -> None:
    found = UpdateQuestion(parameter=name, index=index, step=step).answer(digits_session)
    expected = digits_run.explain_update(name, index, step)
    assert found.step == step
    assert found.optimizer == expected.optimizer
    assert found.moved.tolist() == [expected.before, expected.after, expected.move, expected.remainder]
    assert found.remainder_ulps == expected.remainder_ulps
    assert found.names == tuple(each.name for each in expected.parts)
    assert found.formulas == tuple(each.formula for each in expected.parts)
    assert found.numbers == tuple(each.numbers for each in expected.parts)
    assert found.values.tolist() == [each.value for each in expected.parts]
    assert found.notes == expected.notes


def test_they_add_up_to_what_was_recorded(digits_run: Run, digits_session: Session) -> None:
    found = UpdateQuestion(parameter="hidden2.weight", index=(1, 2), step=3).answer(digits_session)
    before, after, move, remainder = found.moved.tolist()
    assert found.values.sum() + remainder == pytest.approx(move, rel=1e-12)
    assert [before, after] == [digits_run.weights("hidden2.weight", step)[1, 2].item() for step in (3, 4)]


def test_the_last_known_step_up_to_this_one_is_explained(tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=2):
        run_steps(model, optimizer, 5)
    run = open_run(tmp_path / "run")
    assert 2 in run.gradient_steps
    assert 3 not in run.gradient_steps
    found = UpdateQuestion(parameter="0.weight", index=(0,) * 4, step=3).answer(Session(run))
    assert found.step == 2
    assert found.moved.tolist()[2] == run.explain_update("0.weight", (0,) * 4, 2).move


def test_beyond_the_last_step_the_last_one_is_meant(digits_run: Run) -> None:
    name = next(iter(digits_run.parameters))
    assert kept_gradient(digits_run, name, 10**6) == digits_run.gradient_steps[-1]


def test_without_gradients_it_is_refused(tmp_path: Path) -> None:
    model = small_network()
    with weightdesk.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
        pass
    run = open_run(tmp_path / "run")
    with pytest.raises(StepNotKeptError, match="keeps no gradients"):
        UpdateQuestion(parameter="0.weight", index=(0,) * 4, step=0).answer(Session(run))
