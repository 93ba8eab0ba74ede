"""Whatever a message quotes, it is one line."""

from __future__ import annotations

import pickle

import pytest

from weightdesk.errors import (
    MixError,
    RunError,
    RunExistsError,
    UnknownParameterError,
    WeightdeskError,
    closest,
)
from weightdesk.runs.steps import choose_step


@pytest.mark.parametrize("kind", [WeightdeskError, RunError, RunExistsError, UnknownParameterError])
def test_a_name_of_several_lines_stays_in_one(kind: type[WeightdeskError]) -> None:
    error = kind("no parameter x; " + closest("x", ["fc\r\n.weight", "fc\u2028.bias"]))
    assert str(error) == "no parameter x; choose from fc .weight, fc .bias"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_is_kept_of_a_parameter_is_told_in_one_line() -> None:
    with pytest.raises(WeightdeskError) as caught:
        choose_step(3, (), "update of a\n.weight")
    assert str(caught.value) == "no update of a .weight at step 3; the run keeps none at any step"


def test_a_mix_has_a_line_for_each_conflict() -> None:
    error = MixError("the mix does\nnot fit:", ["no fc\r\n.weight", "no fc.bias"])
    assert str(error) == "the mix does not fit:\n- no fc .weight\n- no fc.bias"
    assert error.conflicts == ("no fc\r\n.weight", "no fc.bias")


def test_an_error_without_a_message_has_none() -> None:
    assert str(WeightdeskError()) == ""
