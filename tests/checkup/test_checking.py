"""What the check-up can and cannot decide, and how it tells."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_trainings import FAULTS, HEALTHY, train

from weightdesk.checkup import RULES, Finding, check
from weightdesk.checkup.consequences import EXPLAINS
from weightdesk.errors import RunNotFoundError


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "healthy"
    train(place, HEALTHY)
    return place


def test_findings_come_most_certain_first_and_consequences_after_their_cause(tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", FAULTS["saturated_units"]))
    sure = [each.confidence for each in found]
    assert sure == sorted(sure, reverse=True)
    for each in found:
        if each.because is not None:
            assert each.rule in EXPLAINS[each.because]
            assert [other.rule for other in found].index(each.because) < list(found).index(each)


def test_explanations_name_rules_and_never_each_other() -> None:
    for cause, consequences in EXPLAINS.items():
        assert {cause, *consequences} <= set(RULES)
        assert not [each for each in consequences if cause in EXPLAINS.get(each, ())], cause


def test_a_run_of_one_step_says_what_it_cannot_decide(tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", replace(HEALTHY, steps=1)))
    assert list(found) == []
    assert {"divergence", "overfitting", "learning_rate_low"} <= set(found.undecided)
    assert all(found.undecided.values())


def test_a_truncated_run_is_judged_by_what_is_there(healthy: Path, tmp_path: Path) -> None:
    shutil.copytree(healthy, tmp_path / "run")
    for part in (tmp_path / "run" / "passes").iterdir():
        part.unlink()
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest | {"status": "running"}))
    found = check(tmp_path / "run")
    assert list(found) == []
    assert "missing_zero_grad" in found.undecided


def test_a_damaged_part_is_named_and_the_other_rules_decide(healthy: Path, tmp_path: Path) -> None:
    shutil.copytree(healthy, tmp_path / "run")
    (part,) = (tmp_path / "run" / "statistics").iterdir()
    part.write_bytes(part.read_bytes()[:100])
    found = check(tmp_path / "run")
    assert "damaged" in found.undecided["clipping_always"]
    assert "divergence" not in found.undecided
    assert list(found) == []


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError):
        check(tmp_path)


def test_a_page_tells_findings_evidence_and_what_is_open(tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", replace(FAULTS["nonfinite"], steps=80)))
    findings, evidence, undecided = found.sections()
    assert findings.table["rule"][0].as_py() == "nonfinite"
    assert "nonfinite" in evidence.table["rule"].to_pylist()
    assert undecided.table.num_rows == len(found.undecided)
    assert isinstance(found[0], Finding)
    assert found[:1] == found.findings[:1]
    assert "finding" in repr(found)
