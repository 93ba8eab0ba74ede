"""Which steps get a snapshot, and which go when the disk is full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weightdesk.recording.schedule import SnapshotSchedule


def test_early_steps_are_dense_and_late_ones_eight_an_octave() -> None:
    schedule = SnapshotSchedule(10**12)
    due = [step for step in range(1025) if schedule.is_due(step)]
    assert due[:17] == list(range(17))
    for start in (16, 32, 64, 128, 256, 512):
        assert len([step for step in due if start <= step < 2 * start]) == 8


def test_what_cannot_be_afforded_is_left_out() -> None:
    schedule = SnapshotSchedule(10**12)
    assert [step for step in range(200) if schedule.is_due(step, affordable=64)] == [0, 64, 128, 192]


def test_a_fixed_stride_is_kept_whatever_it_needs() -> None:
    schedule = SnapshotSchedule(1, every=10)
    assert [step for step in range(35) if schedule.is_due(step, affordable=64)] == [0, 10, 20, 30]
    assert schedule.make_room({0: 100, 10: 100}, 0, 100) == ([], True)


@given(st.integers(1, 40), st.integers(20, 2000), st.integers(0, 50))
def test_the_budget_holds_and_the_beginning_stays(size: int, steps: int, others: int) -> None:
    schedule, kept = SnapshotSchedule(disk=400), {}
    for step in range(steps):
        if not schedule.is_due(step):
            continue
        dropped, fits = schedule.make_room(kept, others, size)
        for each in dropped:
            del kept[each]
        if fits:
            kept[step] = size
        assert sum(kept.values()) + others <= 400
    assert 0 in kept
    gaps = [later - earlier for earlier, later in zip(sorted(kept), sorted(kept)[1:], strict=False)]
    assert max(gaps, default=0) <= max(steps, 1)


def test_nothing_more_can_be_dropped_than_all_but_the_beginning() -> None:
    schedule = SnapshotSchedule(disk=10)
    assert schedule.make_room({0: 8, 1: 8, 2: 8}, 0, 8) == ([1, 2], False)
