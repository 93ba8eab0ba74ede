"""The cost budget: strides follow from measured times, and from sizes before anything was measured."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk import WeightdeskError, check, open_run, watch
from weightdesk.recording.agenda import Agenda
from weightdesk.recording.budget import _PART_FILES, HEAD_START, LONGEST_STRIDE, CostBudget
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.strides import Strides


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run_step(budget: CostBudget, clock: Clock, training: float, **costs: float) -> None:
    clock.now += training + sum(costs.values())
    for activity, seconds in costs.items():
        if activity == "other":
            budget.other += seconds
        elif activity == "sampling":
            budget.sampling += seconds
            budget.sampled += 1
        else:
            budget.charge(activity, seconds)
    budget.steps += 1
    if not costs.keys() <= {"other", "sampling"} or budget.steps % 16 == 0:
        budget.settle()


def learned(clock: Clock, share: float | None, training: float = 0.1, **costs: float) -> CostBudget:
    """A budget that knows what a step and each activity take, and is not ahead of its share."""
    budget = CostBudget(share, head_start=0.0, clock=clock, effect=1.0, hooks=0.0)
    for _ in range(3):
        run_step(budget, clock, training, **costs)
        budget.charge_beside("other", 0.0)  # flushes cost nothing
    for _ in range(3200):
        run_step(budget, clock, training, other=costs.get("other", 0.0))
    return budget


@pytest.mark.parametrize(("snapshot", "stride"), [(0.0009, 1), (0.0011, 2), (0.0021, 4), (0.1, 128)])
def test_snapshots_get_half_of_the_share(snapshot: float, stride: int, clock: Clock) -> None:
    assert learned(clock, 0.02, snapshot=snapshot).stride("snapshot") == stride


def test_partial_snapshots_get_what_whole_ones_leave_of_their_half(clock: Clock) -> None:
    budget = learned(clock, 0.02, snapshot=0.0045, statistics=0.0)
    assert budget.bytes_for_part(1000) == 0
    budget.expect_parts(1e-9)
    assert budget.stride("snapshot") == 8  # of the half 0.001 s a step, which leaves 0.4375 ms a step
    allowed = 1000 * (0.001 - 0.0045 / 8)
    assert budget.bytes_for_part(1000) == pytest.approx((allowed - _PART_FILES) / 1e-9, rel=0.02)
    assert budget.bytes_for_part(int(1.9 * _PART_FILES / 0.0004375)) == 0
    assert budget.bytes_for_part(int(2.1 * _PART_FILES / 0.0004375)) > 0


def test_a_byte_of_a_partial_snapshot_takes_what_was_measured(clock: Clock) -> None:
    budget = learned(clock, 0.02, snapshot=0.0045)
    budget.expect_parts(1e-9)
    expected = budget.bytes_for_part(1000)
    budget.charge("part", _PART_FILES + 0.004)
    budget.note_part(1_000_000)
    run_step(budget, clock, 0.1, snapshot=0.0045)
    assert budget.bytes_for_part(1000) == pytest.approx(expected / 4, rel=0.1)


def test_partial_snapshots_stay_within_the_share(clock: Clock) -> None:
    budget = CostBudget(0.02, clock=clock, effect=1.0, hooks=0.0)
    budget.expect("snapshot", 2.0, 0.0)
    budget.expect_parts(1e-9)
    agenda, upcoming = Agenda(budget, SnapshotSchedule(10**12), 1, alike=False), 0
    spent = 0.0
    for step in range(4000):
        clock.now += 0.5
        budget.steps += 1
        if step < upcoming:
            continue
        budget.settle()
        upcoming = agenda.look_at(step)
        if agenda.part:
            assert not agenda.snapshot
            seconds = _PART_FILES + agenda.part * 1e-9
            clock.now += seconds
            spent += seconds
            budget.charge("part", seconds)
            budget.note_part(agenda.part)
    assert 0.02 * 0.02 * 2000 < spent < 0.5 * 0.02 * 2000


def test_what_snapshots_leave_is_for_sampling_and_statistics(clock: Clock) -> None:
    budget = learned(clock, 0.02, snapshot=0.001, statistics=0.00101, sampling=0.0)
    assert budget.stride("statistics") == 2
    assert budget.stride("statistics", snapshots_apart=1000) == 1


def test_sampled_weights_come_before_statistics(clock: Clock) -> None:
    budget = learned(clock, 0.02, sampling=0.0011, statistics=0.0011)
    assert budget.stride("sampling") == 1
    assert budget.stride("statistics") == 2
    assert learned(clock, 0.02, sampling=0.0013).stride("sampling") == 2


def test_what_every_step_costs_leaves_less_for_all(clock: Clock) -> None:
    assert learned(clock, 0.02, other=0.0, statistics=0.0015).stride("statistics") == 1
    assert learned(clock, 0.02, other=0.0009, statistics=0.0015).stride("statistics") == 2


def test_the_writing_thread_is_charged_for(clock: Clock) -> None:
    budget = learned(clock, 0.02, snapshot=0.0009)
    assert budget.stride("snapshot") == 1
    budget.charge_beside("snapshot", 0.003)
    run_step(budget, clock, 0.1, snapshot=0.0009)
    assert budget.stride("snapshot") == 4


def test_the_thread_s_time_is_shared_out_to_the_steps_that_it_wrote(clock: Clock) -> None:
    budget = learned(clock, 0.02, statistics=0.0001)
    budget.charge_beside("statistics", 0.010, occurrences=10)
    run_step(budget, clock, 0.1, statistics=0.0001)
    assert budget.stride("statistics") == 1
    for _ in range(5):
        budget.charge_beside("statistics", 0.010, occurrences=1)
        run_step(budget, clock, 0.1, statistics=0.0001)
    assert budget.stride("statistics") > 1


def test_an_estimate_holds_until_something_was_measured(clock: Clock) -> None:
    budget = CostBudget(0.02, head_start=0.0, clock=clock, effect=1.0, hooks=0.0)
    budget.expect("snapshot", loop=0.007, beside=0.001)
    for _ in range(320):
        run_step(budget, clock, 0.1)
        budget.charge_beside("other", 0.0)  # flushes cost nothing
    assert budget.stride("snapshot") == 8
    run_step(budget, clock, 0.1, snapshot=0.0009)
    assert budget.stride("snapshot") == 2  # what the thread will take is still an estimate
    budget.charge_beside("snapshot", 0.0)
    run_step(budget, clock, 0.1)
    budget.settle()
    assert budget.stride("snapshot") == 1


def test_before_a_step_is_timed_everything_is_done_once(clock: Clock) -> None:
    budget = CostBudget(0.02, clock=clock, effect=1.0, hooks=0.0)
    assert budget.stride("statistics") == budget.stride("snapshot") == 1
    run_step(budget, clock, 5.0, statistics=0.1, snapshot=0.1)
    assert budget.stride("statistics") == budget.stride("snapshot") == 1 << 20


def test_one_slow_measurement_is_no_change_of_pace(clock: Clock) -> None:
    budget = learned(clock, 0.02, snapshot=0.0004)
    run_step(budget, clock, 0.1, snapshot=1.0)
    assert budget.stride("snapshot") == 1
    for _ in range(20):
        run_step(budget, clock, 0.1, snapshot=0.1)
    assert budget.stride("snapshot") > 64


def test_without_a_limit_everything_is_affordable(clock: Clock) -> None:
    budget = learned(clock, None, training=0.001, statistics=5.0, snapshot=5.0, sampling=1.0)
    assert {budget.stride(activity) for activity in ("statistics", "snapshot", "sampling")} == {1}


def test_a_budget_of_nothing_ends_in_a_long_stride(clock: Clock) -> None:
    budget = learned(clock, 0.0, statistics=0.001)
    assert budget.stride("statistics") == 1 << 20
    assert not budget.may_advance("statistics")


def test_the_cost_is_the_share_of_the_training_time(clock: Clock) -> None:
    budget = CostBudget(0.02, clock=clock, effect=1.0, hooks=0.0)
    assert budget.cost == 0.0
    for _ in range(1601):
        run_step(budget, clock, 0.1, other=0.001)
    assert budget.cost == pytest.approx(0.01, rel=0.02)


@dataclass
class Training:
    """A training of equal steps that does what the agenda says, with a fake clock.

    Attributes:
        step: seconds of a training step.
        costs: seconds in the loop, and beside it, of sampling, statistics and a snapshot.
    """

    step: float
    costs: dict[str, tuple[float, float]]
    share: float = 0.02
    clock: Clock = field(default_factory=Clock)

    def run(self, seconds: float) -> tuple[dict[str, list[int]], float]:
        """Steps of each activity, and what recording took in all."""
        budget = CostBudget(self.share, clock=self.clock, effect=1.0, hooks=0.0)
        for activity, (loop, beside) in self.costs.items():
            budget.expect(activity, loop, beside)
        agenda = Agenda(budget, SnapshotSchedule(10**12), 1, alike=False)
        done: dict[str, list[int]] = {activity: [] for activity in self.costs}
        upcoming, flushed, spent, number = 0, 0.0, 0.0, 0
        while self.clock.now - spent < seconds:
            eventful = number >= upcoming
            if eventful:
                budget.settle()
                upcoming = agenda.look_at(number)
            due = {
                "sampling": agenda.next_sample(number) == number,
                "statistics": eventful and agenda.statistics,
                "snapshot": eventful and agenda.snapshot,
            }
            self.clock.now += self.step
            for activity in (name for name, is_due in due.items() if is_due):
                loop, beside = (random.uniform(0.8, 1.2) * each for each in self.costs[activity])
                done[activity].append(number)
                self.clock.now += loop
                spent += loop
                if activity == "sampling":
                    budget.sampled, budget.sampling = budget.sampled + 1, budget.sampling + loop
                else:
                    budget.charge(activity, loop)
                budget.charge_beside(activity, beside)
                spent += beside
                self.clock.now += beside  # one core
            if self.clock.now - flushed > 1:
                flushed = self.clock.now
                budget.charge_beside("other", 0.002)
                spent += 0.002
                self.clock.now += 0.002
            number += 1
            budget.steps += 1
            if due["statistics"] or due["snapshot"]:
                budget.settle()
        return done, spent


TRAININGS = {
    "MLP": (0.006, {"sampling": (6e-5, 1e-5), "statistics": (0.006, 0.004), "snapshot": (0.005, 0.010)}),
    "tiny": (0.0003, {"sampling": (3e-5, 3e-5), "statistics": (0.001, 0.001), "snapshot": (0.001, 0.002)}),
    "500 parameters": (
        0.015,
        {"sampling": (0.0012, 0.0015), "statistics": (0.012, 0.02), "snapshot": (0.01, 0.03)},
    ),
    "huge": (1.0, {"sampling": (1e-4, 1e-4), "statistics": (0.3, 0.01), "snapshot": (0.5, 1.5)}),
}


@pytest.mark.parametrize("name", sorted(TRAININGS))
@pytest.mark.parametrize("seconds", [1, 3, 10, 30, 100])
def test_a_training_of_any_length_is_recorded_within_its_share(name: str, seconds: int) -> None:
    random.seed(0)
    step, costs = TRAININGS[name]
    done, spent = Training(step, costs).run(seconds)
    # the first step gets everything once, whatever its estimates are
    once = sum(sum(both) for both in costs.values())
    assert spent <= 0.02 * seconds + HEAD_START + once
    assert done["statistics"][0] == done["snapshot"][0] == done["sampling"][0] == 0
    if seconds == 100 and name != "huge":
        assert spent <= 0.02 * seconds
        assert spent >= 0.25 * 0.02 * seconds  # and what is allowed is used


@pytest.mark.parametrize(
    ("share", "statistics", "snapshot", "is_fixed", "put_off"),
    [
        (0.02, 0.03, 0.02, False, []),
        (0.02, 0.06, 0.03, False, ["snapshot"]),
        (0.02, 0.2, 0.2, False, ["statistics", "snapshot"]),
        (0.02, 0.2, 0.2, True, ["statistics"]),  # at a fixed stride snapshots are taken whatever they need
        (None, 9.0, 9.0, False, []),
        (0.0, 9.0, 9.0, False, []),
    ],
)
def test_the_first_step_of_many_small_parameters_gets_what_fits_into_its_constant(
    share: float | None, statistics: float, snapshot: float, is_fixed: bool, put_off: list[str], clock: Clock
) -> None:
    budget = CostBudget(share, head_start=0.05, clock=clock, is_fixed=is_fixed)
    budget.expect("statistics", statistics, 0.0)
    budget.expect("snapshot", 0.0, snapshot)
    budget.charge("start", 0.03)
    schedule = SnapshotSchedule(10**9, every=4 if is_fixed else None)
    for limits_first_step in (True, False):
        budget.limits_first_step = limits_first_step
        agenda = Agenda(budget, schedule, 1, alike=False)
        agenda.look_at(0)
        expected = put_off if limits_first_step else []
        assert list(agenda.put_off) == expected
        assert agenda.statistics == ("statistics" not in expected)
        assert agenda.snapshot == ("snapshot" not in expected)


def test_a_short_training_is_told_from_end_to_end() -> None:
    done, _ = Training(*TRAININGS["tiny"]).run(0.1)
    assert done["sampling"][:100] == list(range(100))
    assert done["sampling"][-1] > 200
    assert len(done["statistics"]) >= 8
    assert max(done["statistics"]) > 150


def test_sampled_steps_are_multiples_of_their_stride() -> None:
    done, _ = Training(*TRAININGS["500 parameters"]).run(30)
    late = done["sampling"][len(done["sampling"]) // 2 :]
    assert max(after - before for before, after in pairwise(late)) > 1
    stride = min(after - before for before, after in pairwise(late))
    assert all(step % stride == 0 for step in late)


def test_snapshots_that_were_asked_for_use_up_nothing_of_the_share(clock: Clock) -> None:
    budget = CostBudget(0.02, clock=clock, effect=1.0, hooks=0.0, is_fixed=True)
    for _ in range(100):
        run_step(budget, clock, 0.1, snapshot=0.2, statistics=0.0001)
    assert budget.may_advance("statistics")
    assert budget.stride("statistics") == budget.stride("sampling") == 1
    assert budget.cost == pytest.approx(2.0, rel=0.05)


@given(st.integers(1, 4), st.sampled_from([1, 2, 4, 64, 1 << 20]), st.integers(0, 5000))
def test_weights_are_sampled_at_all_steps_of_every_so_many_rounds(
    together: int, stride: int, step: int
) -> None:
    agenda = Agenda(CostBudget(0.02), SnapshotSchedule(10**12), together, alike=False)
    agenda.sampling = stride
    sampled = agenda.next_sample(step)
    assert sampled >= step
    assert sampled // together % stride == 0
    assert sampled == step or step // together % stride
    assert all(each // together % stride for each in range(step, min(sampled, step + 5000)))


def test_processes_that_share_parameters_sample_alike() -> None:
    budget = CostBudget(0.0)
    agenda = Agenda(budget, SnapshotSchedule(10**12), 1, alike=True)
    for step in range(100):
        agenda.look_at(step)
        assert agenda.next_sample(step) == step


def test_a_share_that_allows_nothing_is_told_in_words() -> None:
    assert Strides(LONGEST_STRIDE, {}).notes(0.02, 10**9) == [
        "no sampled weights at times: cost=0.02 allows none"
    ]


@given(st.floats(1e-6, 1e-2), st.floats(1e-6, 1e-2), st.floats(1.0, 3.0))
def test_what_cannot_be_measured_is_counted_in_proportion(loop: float, beside: float, effect: float) -> None:
    costs = []
    for factor in (1.0, effect):
        clock = Clock()
        budget = CostBudget(0.02, clock=clock, effect=factor, hooks=0.0)
        for _ in range(10):
            run_step(budget, clock, 0.1, statistics=loop)
            budget.charge_beside("statistics", beside)
        budget.settle()
        costs.append(budget.cost)
    assert costs[1] == pytest.approx(effect * costs[0])


def test_a_run_says_what_its_first_step_did_not_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = import_module("weightdesk.recording.watch")  # the package has a function of this name
    monkeypatch.setattr(watching, "CostBudget", partial(CostBudget, head_start=1e-4))
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(100)])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, tmp_path / "run", cost=0.9) as recording:
        for _ in range(40):
            optimizer.zero_grad()
            loss = model(torch.ones(2, 4)).square().mean()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    run = open_run(tmp_path / "run")
    (note,) = (each for each in run.manifest.recording["notes"] if "first step" in each)
    assert note == (
        "no statistics, gradients and updates of the first step: many small parameters take longer to "
        "measure than cost=0.9 allows at once"
    )
    assert run.steps[0] == 0
    assert run.gradient_steps[0] > 0
    assert min(run.statistics["step"].to_pylist()) > 0
    assert min(run.sampled["step"].to_pylist()) == 0
    assert check(run).findings is not None
    assert run.history("0.weight", (0, 0)).steps[0] == 0
    with pytest.raises(WeightdeskError):
        run.gradient("0.weight", 0)
