"""Each rule speaks of the fault that was planted, first or second, and keeps quiet about the healthy twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from faulty_trainings import FAULTS, HEALTHY, REGRESSION, SGD, TWINS, Plan, train

from weightdesk.checkup import RULES, check


def rules(place: Path, plan: Plan, seed: int = 0) -> list[str]:
    return [each.rule for each in check(train(place, plan, seed))]


def test_each_rule_has_its_planted_fault() -> None:
    assert set(FAULTS) == set(RULES)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_planted_fault_is_named_first_or_second(fault: str, tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", FAULTS[fault]))
    assert fault in [each.rule for each in found[:2]]
    (finding,) = [each for each in found if each.rule == fault]
    assert 0 <= finding.since <= found.last_step
    assert 0.5 <= finding.confidence <= 1
    assert finding.evidence
    assert finding.where
    for told in (finding.message, finding.cause, finding.remedy):
        assert told
        assert "\n" not in told


@pytest.mark.parametrize("twin", sorted(TWINS))
def test_a_healthy_training_is_called_healthy(twin: str, tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", TWINS[twin]))
    assert list(found) == []
    assert found.title.startswith("healthy")
    assert found.decided >= len(RULES) - 2


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_unit_of_the_loss_changes_nothing(unit: float, tmp_path: Path) -> None:
    """Descent on a loss in another unit by a learning rate in its unit is the same descent."""
    plan = replace(FAULTS["overfitting"], optimizer=SGD.optimizer, lr=0.1, momentum=0.9)
    in_other = replace(plan, unit=unit, lr=plan.lr / unit)
    assert rules(tmp_path / "one", plan) == rules(tmp_path / "other", in_other)
    healthy = replace(SGD, unit=unit, lr=SGD.lr / unit)
    assert rules(tmp_path / "healthy", healthy) == []


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_the_scale_of_normal_inputs_changes_nothing(scale: float, tmp_path: Path) -> None:
    assert rules(tmp_path / "run", replace(HEALTHY, scale=scale)) == []


def test_the_same_run_gives_the_same_findings(tmp_path: Path) -> None:
    run = train(tmp_path / "run", FAULTS["initial_scale_high"])
    assert check(run).findings == check(run).findings


def test_zeros_are_found_to_be_symmetric_at_step_one(tmp_path: Path) -> None:
    found = check(train(tmp_path / "run", replace(FAULTS["symmetric_initialisation"], steps=1)))
    assert found[0].rule == "symmetric_initialisation"
    assert found[0].since == 0


def test_a_network_that_memorises_is_told_when_it_began(tmp_path: Path) -> None:
    run = train(tmp_path / "run", replace(FAULTS["overfitting"], examples=100, steps=600))
    (finding,) = [each for each in check(run) if each.rule == "overfitting"]
    losses = run.metrics.select(["step", "val_loss"]).to_pandas().dropna()
    lowest = int(losses["step"].iloc[losses["val_loss"].argmin()])
    assert finding.since == pytest.approx(lowest, abs=0.1 * 600)


def test_broadcast_shapes_are_found_in_a_regression(tmp_path: Path) -> None:
    plan = replace(REGRESSION, loss=lambda out, to: (out - to.float()).square().mean())
    assert "loss_output_mismatch" in rules(tmp_path / "run", plan)[:2]
