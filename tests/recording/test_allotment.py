"""What is kept where the disk budget allows fewer than eight snapshots."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from weightdesk.recording.allotment import TightBudget, Turns
from weightdesk.recording.schedule import SnapshotSchedule

COSTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 10_000), min_size=1)


@settings(max_examples=100, deadline=None)
@given(COSTS, st.integers(1, 200_000), st.integers(1, 60))
@example({"a": 1, "b": 1782}, 3564, 17)  # b takes half of the room, and a comes every time
def test_partial_snapshots_take_what_they_may_and_leave_nobody_out(
    costs: dict[str, int], room: int, rounds: int
) -> None:
    turns, spent = Turns(), 0
    for step in range(rounds):
        names = turns.choose(costs, room)
        turns.held[step] = names
        size = sum(costs[name] for name in names)
        spent += size
        assert size <= room * 5 / 8
        assert spent <= (step + 1) * room / 8 + 1e-6
    # Whoever may come at all comes as soon as all that are cheaper have been paid for.
    able = {name: cost for name, cost in costs.items() if cost <= room / 2}
    if rounds * room / 8 >= 2 * sum(costs.values()) + room:
        assert set().union(*turns.held.values()) == able.keys()


def test_large_parameters_take_turns_and_small_ones_come_every_time() -> None:
    costs = {"embed": 300, **{f"fc{i}": 100 for i in range(6)}, "bias": 2}
    turns, times = Turns(), Counter()
    for step in range(60):
        turns.held[step] = turns.choose(costs, room=800)
        times.update(turns.held[step])
    assert times["bias"] == 60
    assert set(times.values()) - {60} <= {times["fc0"], times["fc0"] - 1, times["fc0"] + 1}
    assert times["embed"] >= 5


def test_what_was_thinned_out_comes_again() -> None:
    costs = {"a": 40, "b": 40, "c": 40}
    turns = Turns()
    for step in range(3):
        turns.held[step] = turns.choose(costs, room=320)
    assert [sorted(names) for names in turns.held.values()] == [["a"], ["b"], ["c"]]
    del turns.held[1]
    assert turns.choose(costs, room=320) == {"b"}


@settings(max_examples=100, deadline=None)
@given(COSTS, st.integers(0, 400_000), st.integers(2, 300), st.integers(0, 3000), st.sampled_from([0, 2, 3]))
def test_the_room_is_kept_at_every_moment(
    costs: dict[str, int], room: int, steps: int, buffers: int, limited: int
) -> None:
    whole = sum(costs.values()) + buffers
    schedule = SnapshotSchedule(disk=10**6)
    turns = Turns()
    budget = TightBudget(schedule, turns)
    wholes: dict[int, int] = {}
    parts: dict[int, int] = {}
    for step in range(steps):
        if not schedule.is_due(step):
            continue
        part = frozenset(list(costs)[:2]) if limited and step % limited == 0 else None  # by the cost budget
        allotment = budget.allot(step, costs, whole, room, (wholes, parts), part)
        for gone in allotment.dropped:
            del wholes[gone]
        for gone in allotment.dropped_parts:
            del parts[gone]
            del turns.held[gone]
        if allotment.is_whole:
            assert part is None
            assert allotment.names == costs.keys()
            wholes[step] = whole
        elif allotment.names:
            assert part is None or allotment.names == part
            turns.held[step] = allotment.names
            parts[step] = sum(costs[name] for name in allotment.names)
        assert sum(wholes.values()) + sum(parts.values()) <= room
    assert not wholes or whole <= room // 2
