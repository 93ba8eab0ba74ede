"""What every edit must do, whichever weights it turns: each edit's tests inherit it."""

from __future__ import annotations

import json
from random import Random
from typing import ClassVar

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_edits import DTYPES, MAKERS, same_bits, state_of
from torch import Tensor

from weightdesk.desk.edits import EDITS, Edit
from weightdesk.desk.parts import Changes
from weightdesk.desk.state import State
from weightdesk.errors import MixError
from weightdesk.runs import Parameter, Parameters

# Hypothesis warns of one property run by several classes; here that is the point.
inherited = settings(max_examples=25, suppress_health_check=[HealthCheck.differing_executors])
RANDOM = st.randoms(use_true_random=False)


def rows_that_differ(before: Tensor, after: Tensor) -> set[int]:
    return {row for row in range(len(before)) if not same_bits(before[row], after[row])}


def same_values(one: Tensor, other: Tensor) -> bool:
    """Bit for bit, except that computed NaN have no sign that anybody promises."""
    return torch.equal(one.isnan(), other.isnan()) and same_bits(
        *(each.masked_fill(each.isnan(), 0) for each in (one, other))
    )


def assert_reported(changes: Changes, before: State, after: State) -> None:
    """Every row whose bits differ is among those that are said to."""
    for name, tensor in before.values.items():
        differing = rows_that_differ(tensor, after.values[name])
        rows = changes.get(name, frozenset())
        assert rows is None or differing <= rows, name


class EditContract:
    """A subclass names the kind of edit and says in plain torch what it does."""

    kind: ClassVar[str]

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights that change, after the edit."""
        raise NotImplementedError

    def make(self, random: Random) -> Edit:
        return MAKERS[self.kind](random)

    @inherited
    @given(random=RANDOM, dtype=st.sampled_from(DTYPES))
    def test_it_does_what_is_said_in_plain_torch(self, random: Random, dtype: torch.dtype) -> None:
        state = state_of(dtype)
        edit = self.make(random)
        after = state.with_edit(edit).values
        expected = {**state.values, **self.expected(edit, dict(state.values))}
        for name in state.values:
            assert same_values(after[name], expected[name]), (edit, name)

    @inherited
    @given(random=RANDOM, dtype=st.sampled_from(DTYPES))
    def test_it_tells_every_row_that_differs(self, random: Random, dtype: torch.dtype) -> None:
        state = state_of(dtype)
        after = state.with_edit(self.make(random))
        assert_reported(after.edits[0].changes, state, after)
        assert_reported(after.changes_from(state), state, after)
        assert_reported(state.changes_from(after), state, after)

    @inherited
    @given(random=RANDOM)
    def test_it_leaves_what_it_is_given_and_all_else_untouched(self, random: Random) -> None:
        state = state_of()
        before = {name: each.clone() for name, each in state.values.items()}
        edit = self.make(random).bound(state.parameters, state.values)
        changed = edit.apply(state.values)
        assert changed.keys() == edit.touched == edit.changes.keys()
        for name, each in state.values.items():
            assert same_bits(each, before[name])
            assert name not in changed or changed[name] is not each

    @inherited
    @given(random=RANDOM)
    def test_it_gives_the_same_bits_again_and_draws_no_random_numbers(self, random: Random) -> None:
        state, edit, drawn = state_of(), self.make(random), torch.get_rng_state()
        first, second = (state.with_edit(edit).values for _ in range(2))
        assert all(same_bits(first[name], second[name]) for name in first)
        assert torch.equal(drawn, torch.get_rng_state())

    @inherited
    @given(random=RANDOM)
    def test_undone_it_leaves_the_original_tensors(self, random: Random) -> None:
        state = state_of()
        undone = state.with_edit(self.make(random)).with_edits(())
        assert all(undone.values[name] is each for name, each in state.values.items())

    @inherited
    @given(random=RANDOM)
    def test_it_comes_back_from_json(self, random: Random) -> None:
        for edit in (self.make(random), *state_of().with_edit(self.make(random)).edits):
            told = edit.to_json()
            assert told["turn"] == self.kind
            del told["turn"]
            again = EDITS[self.kind].from_json(json.loads(json.dumps(told, allow_nan=False)))
            assert again == edit
            assert repr(again) == repr(edit)
            assert hash(again) == hash(edit)

    @inherited
    @given(random=RANDOM)
    def test_it_is_described_in_one_line(self, random: Random) -> None:
        edit = self.make(random)
        assert edit.describe().startswith(str(edit.place))
        assert "\n" not in edit.describe()

    def test_a_network_without_the_place_is_a_conflict(self) -> None:
        edit = self.make(Random(0))
        elsewhere = Parameters([Parameter("conv9.weight", (4, 3, 3, 3), "float32")])
        conflicts = list(edit.conflicts(elsewhere))
        assert len(conflicts) == 1
        assert not list(edit.conflicts(state_of().parameters))

    def test_whole_numbers_are_no_weights(self) -> None:
        state = State((), {"fc.weight": torch.zeros(5, 8, dtype=torch.int8)})
        edit = self.make(next(each for each in map(Random, range(99)) if self._on_fc(each)))
        with pytest.raises(ValueError, match="holds int8; only floating weights can be turned"):
            state.with_edit(edit)
        assert "holds int8" in next(edit.conflicts(state.parameters))

    def test_entries_of_json_are_checked(self) -> None:
        told = self.make(Random(0)).to_json()
        del told["turn"]
        with pytest.raises(MixError, match=f"a turn '{self.kind}' has no 'plcae'; did you mean place?"):
            EDITS[self.kind].from_json({**told, "plcae": "fc"})
        del told["place"]
        with pytest.raises(MixError, match=f"a turn '{self.kind}' needs 'place'"):
            EDITS[self.kind].from_json(told)

    def _on_fc(self, random: Random) -> bool:
        state = random.getstate()
        found = str(self.make(random).place) == "fc.weight[3,1]"
        random.setstate(state)
        return found
