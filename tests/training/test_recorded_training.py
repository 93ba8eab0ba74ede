"""A recipe of anybody's run is within bounds, fits what was recorded, and tells nothing of a machine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import DataError, OptionError
from weightdesk.training import Recipe, prepare, recorded_recipe
from weightdesk.training.recorded import portable_recipe

STORED = dict(prepare(Recipe.create("xor", layers=(8, 4))).stored)
WEIGHTS = 3 * 8 + 9 * 4 + 5 * 2


@dataclass
class OfAnybody:
    """A run, as far as it is asked."""

    recipe: Any
    path: str = "runs/foreign"
    parameters: dict[str, Any] = field(default_factory=lambda: {"all": SimpleNamespace(size=WEIGHTS)})


def test_a_recipe_that_fits_is_given_back() -> None:
    assert recorded_recipe(OfAnybody(STORED)) == STORED | {"data": recorded_recipe(OfAnybody(STORED))["data"]}
    assert Recipe.from_dict(recorded_recipe(OfAnybody(STORED))) == Recipe.from_dict(STORED)


@pytest.mark.parametrize("layers", [[100_000, 100_000], [8, 5], [8], [10**9] * 1000])
def test_another_network_than_was_recorded_is_refused_before_it_is_built(layers: list[int]) -> None:
    with pytest.raises(OptionError, match=rf"makes a network of .* weights, and {WEIGHTS} were recorded"):
        recorded_recipe(OfAnybody(STORED | {"layers": layers}))


@pytest.mark.parametrize(
    "dataset",
    [None, {}, {"input_shape": [-2], "outputs": 2}, {"input_shape": [2] * 9, "outputs": 2},
     {"input_shape": [2], "outputs": 10**30}, {"input_shape": "2", "outputs": 2},
     {"input_shape": [2.0], "outputs": True}, {"input_shape": [2], "outputs": 2, "tokens": 9}],
)  # fmt: skip
def test_shapes_are_whole_numbers_within_bounds(dataset: Any) -> None:
    with pytest.raises(OptionError, match="dataset"):
        recorded_recipe(OfAnybody(STORED | {"dataset": dataset}))


def test_without_a_recipe_nothing_is_built() -> None:
    with pytest.raises(OptionError, match="keeps no recipe"):
        recorded_recipe(OfAnybody(None))


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)


def taken(stored: dict[str, Any]) -> Any:
    """The recipe, or the line by which it was refused."""
    try:
        return recorded_recipe(OfAnybody(stored))
    except (OptionError, DataError) as error:
        return str(error)


@given(st.sampled_from(sorted(set(STORED) - {"split", "standardisation"})), ODD)
def test_any_other_value_is_taken_or_refused_in_one_line(name: str, value: Any) -> None:
    found = taken(STORED | {name: value})
    assert "\n" not in found if isinstance(found, str) else Recipe.from_dict(found)


@given(st.sampled_from(sorted(STORED["data"])), ODD)
def test_any_other_source_is_taken_or_refused_in_one_line(name: str, value: Any) -> None:
    found = taken(STORED | {"data": STORED["data"] | {name: value}})
    assert "\n" not in found if isinstance(found, str) else found["data"]["path"] == ""


def test_a_stored_recipe_has_no_folder_of_the_machine(tmp_path: Path) -> None:
    table = tmp_path / "client" / "caf\udce9.csv"
    stored = portable_recipe({"data": {"kind": "table", "path": str(table)}, "seed": 3})
    assert stored == {"data": {"kind": "table", "path": "caf\\udce9.csv"}, "seed": 3}
    json.dumps(stored, ensure_ascii=False).encode()
