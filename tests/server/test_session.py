from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from served import Served
from torch import nn
from trainings import run_steps, small_batch, small_network

import weightdesk
from weightdesk.desk import Desk
from weightdesk.desk.grammar import parse_turn
from weightdesk.errors import OptionError, StepNotKeptError
from weightdesk.runs import Run, open_run
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.training import held_out

WEIGHT = "hidden1.weight"
TURNS = (
    "hidden1.weight[3,17]=0.8",
    "mute hidden1[5]",
    "scale hidden2[3] 1.5",
    "noise output.weight 0.1 7",
    "prune hidden1.weight 0.3",
    "round output.weight 4",
    "rewind hidden2 1",
)


def turned_by_hand(run: Run, step: int, turns: Sequence[str]) -> Desk:
    """What the library does, without a session."""
    assert run.recipe is not None
    held = held_out(run.recipe)
    run.load_into(held.model, step)
    desk = Desk(held.model, held.inputs, held.targets, held.loss, incremental=False, run=run)
    desk.become([parse_turn(text, held.model, run) for text in turns])
    return desk


@pytest.mark.parametrize("turn", TURNS)
def test_turned_weights_are_those_of_the_desk(digits_session: Session, turn: str) -> None:
    expected = turned_by_hand(digits_session.run, 4, (turn,)).state.values
    for name in digits_session.run.parameters:
        assert torch.equal(digits_session.weights(name, 4, (turn,)), expected[name])


def test_all_turns_together_are_those_of_the_desk(digits_session: Session) -> None:
    by_hand = turned_by_hand(digits_session.run, 3, TURNS)
    with digits_session.desk(3, TURNS) as desk:
        assert [each.describe() for each in desk.mix.edits] == [each.describe() for each in by_hand.mix.edits]
        now, expected = desk.outcome.measures["loss"], by_hand.outcome.measures["loss"]
        assert (now.now, now.before) == (expected.now, expected.before)
        assert all(torch.equal(desk.state.values[name], each) for name, each in by_hand.state.values.items())


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from([0, 2, 5]), st.lists(st.sampled_from(TURNS), max_size=4)), max_size=4)
)
def test_what_was_asked_before_changes_nothing(
    digits_session: Session, asked: list[tuple[int, list[str]]]
) -> None:
    for step, turns in asked:
        digits_session.weights(WEIGHT, step, tuple(turns))
    step, turns = asked[-1] if asked else (0, [])
    fresh = Session(digits_session.run, digits_session.subject)
    expected = fresh.weights(WEIGHT, step, tuple(turns))
    assert torch.equal(digits_session.weights(WEIGHT, step, tuple(turns)), expected)


def test_without_turns_the_weights_are_the_recorded_ones(digits_session: Session) -> None:
    digits_session.weights(WEIGHT, 2, TURNS)
    with digits_session.desk(2) as desk:
        assert torch.equal(desk.state.values[WEIGHT], digits_session.run.weights(WEIGHT, 2))
    assert torch.equal(digits_session.weights(WEIGHT, 2), digits_session.run.weights(WEIGHT, 2))


def test_a_network_of_ones_own_has_the_turns_and_leaves_the_desk_alone(digits_session: Session) -> None:
    model = digits_session.model(2, TURNS[:2])
    values = dict(model.named_parameters())
    assert torch.equal(values[WEIGHT], digits_session.weights(WEIGHT, 2, TURNS[:2]))
    with torch.no_grad():
        values[WEIGHT].zero_()
    assert digits_session.weights(WEIGHT, 2, TURNS[:2]).any()
    assert digits_session.weights(WEIGHT, 2).any()


def test_two_pages_do_not_disturb_each_other(server: Served) -> None:
    mixes = [(), TURNS[:1], TURNS[1:2], TURNS[2:5]]
    expected = [server.session.weights(WEIGHT, 1, mix) for mix in mixes]

    def page(number: int) -> bool:
        mix = mixes[number % len(mixes)]
        found = server.ask("weights", parameter=WEIGHT, step=1, turns=mix).message["values"]
        return torch.equal(torch.from_numpy(found.copy()), expected[number % len(mixes)])

    with ThreadPoolExecutor(8) as pages:
        assert all(pages.map(page, range(64)))


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ("mut hidden1[3]", "did you mean mute"),
        ("mute hidden9", "hidden9"),
        ("hidden1.weight[99,0]=1", "99"),
        ("hidden1.weight[0,0]=much", "no number"),
        ("rewind hidden1 99", "99"),
        ("", "nothing is said"),
        ("\0\n[", "turn"),
    ],
)
def test_a_broken_turn_is_refused_with_a_line(server: Served, turn: str, said: str) -> None:
    good = ["mute hidden1[5]"]
    before = server.ask("weights", parameter=WEIGHT, step=1, turns=good).message["values"]
    refused = server.ask("weights", parameter=WEIGHT, step=1, turns=[*good, turn])
    assert refused.status == 409
    assert said in refused.line
    after = server.ask("weights", parameter=WEIGHT, step=1, turns=good).message["values"]
    assert before.tobytes() == after.tobytes()


def test_a_step_that_is_not_kept_is_refused(digits_session: Session, server: Served) -> None:
    with pytest.raises(StepNotKeptError), digits_session.desk(99):
        pass
    assert server.ask("heard", step=99).status == 409


def test_only_a_few_desks_are_kept(digits_run: Run) -> None:
    session = Session(digits_run)
    for step in (*digits_run.steps, 0):
        with session.desk(step, TURNS[:1]):
            pass
    assert list(session._desks) == [4, 5, 6, 0]


@pytest.fixture
def own_run(tmp_path: Path) -> tuple[Run, nn.Module]:
    """A run of somebody's own loop."""
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "own", every=1):
        run_steps(model, optimizer, 3)
    return open_run(tmp_path / "own"), model


def test_a_network_of_ones_own_can_be_looked_at_but_not_turned(own_run: tuple[Run, nn.Module]) -> None:
    session = Session(own_run[0])
    assert not session.has_subject
    assert torch.equal(session.weights("0.weight", 1), own_run[0].weights("0.weight", 1))
    with pytest.raises(OptionError, match="open it in Python"):
        session.weights("0.weight", 1, ("mute 0[1]",))


def test_with_its_network_it_can_be_turned(own_run: tuple[Run, nn.Module]) -> None:
    run, model = own_run
    inputs, targets = small_batch(9)
    subject = Subject(model.eval(), inputs, targets, nn.functional.cross_entropy, "probe")
    session = Session(run, subject)
    assert session.has_subject
    assert not session.weights("0.weight", 1, ("mute 0[1]",))[1].any()
    trained = [each.detach().clone() for each in model.parameters()]
    with session.desk(0, ("mute 0[1]",)) as desk:
        assert desk.outcome.count == 16
    assert all(torch.equal(*pair) for pair in zip(trained, model.parameters(), strict=True))


def test_a_result_is_made_once(digits_run: Run) -> None:
    session, made = Session(digits_run), []
    for _ in range(3):
        session.kept("kind", ("key", 1), lambda: made.append(1))
    assert made == [1]
