"""What the page Check-up shows is what `weightdesk.check` says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faulty_trainings import FAULTS, HEALTHY, train

from weightdesk.checkup import RULES, check, checking
from weightdesk.checkup.finding import Evidence, Finding
from weightdesk.checkup.rules.rule import Rule
from weightdesk.server.questions.checkup import CheckupQuestion
from weightdesk.server.session import Session
from weightdesk.server.wire import pack, unpack


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(train(tmp_path_factory.mktemp("runs") / "saturated", FAULTS["saturated_units"]))


def test_findings_are_those_of_python(faulty: Session) -> None:
    told, found = CheckupQuestion().answer(faulty), check(faulty.run)
    assert len(found) > 1
    assert any(each.because for each in found)
    assert (told.title, told.last_step, told.decided) == (found.title, found.last_step, found.decided)
    assert not told.healthy
    for one, other in zip(told.findings, found, strict=True):
        for name in ("rule", "message", "since", "confidence", "cause", "remedy", "where", "because"):
            assert getattr(one, name) == getattr(other, name)
        rows = one.evidence
        assert rows.what == tuple(each.what for each in other.evidence)
        assert rows.steps == tuple(each.steps for each in other.evidence)
        np.testing.assert_array_equal(rows.values, [each.value for each in other.evidence])
        limits = [np.nan if each.limit is None else each.limit for each in other.evidence]
        np.testing.assert_array_equal(rows.limits, limits)


def test_a_healthy_run_tells_who_looked_and_what_the_others_need(tmp_path: Path) -> None:
    session = Session(train(tmp_path / "healthy", HEALTHY))
    told = CheckupQuestion().answer(session)
    assert told.healthy
    assert told.findings == ()
    assert told.decided + len(told.undecided) == len(told.rules) == len(RULES)
    assert {each.rule: each.needs for each in told.undecided} == check(session.run).undecided
    assert [each.name for each in told.rules] == list(RULES)


def test_numbers_that_are_none_arrive_as_they_are(faulty: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (Evidence("a", float("inf"), 2.0, (3,)), Evidence("b", float("nan")))
    finding = Finding("made_up", "b", 3, 0.5, "c", "d", evidence=rows)
    rule = Rule("made_up", "l", "t", "s", lambda record: finding)
    monkeypatch.setattr(checking, "RULES", {"made_up": rule})
    told = unpack(pack(CheckupQuestion().answer(faulty)))
    evidence = told["findings"][0]["evidence"]
    np.testing.assert_array_equal(evidence["values"], [np.inf, np.nan])
    np.testing.assert_array_equal(evidence["limits"], [2.0, np.nan])
