"""What can be undone and done again, against plain lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weightdesk.desk.edits import Edit, Muting
from weightdesk.desk.history import History
from weightdesk.desk.places import Place


@given(st.lists(st.sampled_from(["turn", "reset", "half", "back", "forth"]), max_size=30))
def test_moves_go_back_and_forth(moves: list[str]) -> None:
    history, now = History(), ()
    past: list[tuple[Edit, ...]] = []
    future: list[tuple[Edit, ...]] = []
    for number, move in enumerate(moves):
        if move in ("back", "forth"):
            found = history.back(now) if move == "back" else history.forth(now)
            here, there = (past, future) if move == "back" else (future, past)
            assert (found is None) == (not here)
            if found is not None:
                there.append(now)
                now = here.pop()
                assert found == now
                assert all(one is two for one, two in zip(found, now, strict=True))
            continue
        edit = Muting(Place.parse(f"fc[{number}]"))
        after = {"turn": (*now, edit), "reset": (), "half": (*now[: len(now) // 2], edit)}[move]
        history.note(now, after)
        past.append(now)
        future, now = [], after


def test_a_long_history_is_as_long_as_its_turns() -> None:
    history, now = History(), ()
    for number in range(500):
        after = (*now, Muting(Place.parse(f"fc[{number}]")))
        history.note(now, after)
        now = after
    assert sum(len(each.before) + len(each.after) for each in history._done) == 500
