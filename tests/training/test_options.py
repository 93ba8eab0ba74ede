from __future__ import annotations

import math

import pytest

from weightdesk.errors import OptionError
from weightdesk.training import options


@pytest.mark.parametrize("value", ["x", None, True, 1.5, -1, math.nan, math.inf, "1e999", [1]])
def test_whole_refuses_what_is_no_whole_number(value):
    with pytest.raises(OptionError, match="--steps must be a whole number of at least 0, got"):
        options.whole(at_least=0)("steps", value)


@pytest.mark.parametrize("value", ["7", 7, 7.0])
def test_whole_brings_numbers_into_one_form(value):
    result = options.whole(at_least=0)("steps", value)
    assert result == 7
    assert type(result) is int


@pytest.mark.parametrize("value", [0, 1, "a", math.nan, math.inf, -math.inf, False])
def test_real_refuses_its_open_bounds(value):
    with pytest.raises(OptionError, match="must be a number above 0 and below 1"):
        options.real(above=0, below=1)("share", value)


def test_real_without_bounds_takes_any_finite_number():
    assert options.real()("x", "-3") == -3.0
    with pytest.raises(OptionError, match="--x must be a number, got inf"):
        options.real()("x", math.inf)


def test_flag_and_text_take_only_their_type():
    assert options.flag("standardise", False) is False
    with pytest.raises(OptionError, match="true or false"):
        options.flag("standardise", 1)
    assert options.text("path", "a") == "a"
    with pytest.raises(OptionError, match="must be text, got 3"):
        options.text("path", 3)


@pytest.mark.parametrize("value", ["1,x", "0", [1.5], None, 3.5, [-2]])
def test_sizes_refuse_what_is_no_row_of_sizes(value):
    with pytest.raises(OptionError, match="such as 128,64"):
        options.sizes("layers", value)


def test_sizes_take_one_number():
    assert options.sizes("layers", 8) == (8,)


def test_choice_suggests_the_closest_name():
    with pytest.raises(OptionError, match="--weight-decay has no value 'nestrov': did you mean nesterov"):
        options.choice(["sgd", "nesterov"])("weight_decay", "nestrov")


def test_optional_lets_none_through():
    assert options.optional(options.flag)("x", None) is None
