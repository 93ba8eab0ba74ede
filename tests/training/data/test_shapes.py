"""Pictures made level upon level: what is planted is there, and no level gives away the next."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.training import Recipe
from weightdesk.training.data import Dataset
from weightdesk.training.data.shapes import COLOURS, ORIENTATIONS, SHAPES, SIDE, load

EXAMPLES = 3000


@pytest.fixture(scope="module")
def plain() -> Dataset:
    return load(EXAMPLES, noise=0.0, seed=0)


def values(dataset: Dataset, name: str) -> Tensor:
    return next(each.values for each in dataset.properties if each.name == name)


def test_the_object_is_decided_by_both_shapes_and_by_none_alone(plain: Dataset) -> None:
    upper, lower = values(plain, "upper shape"), values(plain, "lower shape")
    assert torch.equal(plain.targets, (upper + lower) % 3)
    assert torch.equal(plain.targets, values(plain, "object"))


def test_nothing_else_says_anything_about_the_object_or_about_another_level(plain: Dataset) -> None:
    names = [each.name for each in plain.properties]
    known = {("upper shape", "lower shape")}
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :] if (a, b) not in known]
    for first, second in pairs:
        table = torch.zeros(4, 4, dtype=torch.float64)
        table.index_put_((values(plain, first), values(plain, second)), torch.ones(EXAMPLES).double(), True)
        table = table[table.sum(1) > 0][:, table.sum(0) > 0]
        expected = table.sum(1, keepdim=True) * table.sum(0) / EXAMPLES
        freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
        surprise = ((table - expected) ** 2 / expected).sum()
        assert surprise < freedom + 5 * math.sqrt(2 * freedom), (first, second)


def test_the_colour_is_that_of_the_brightest_channel(plain: Dataset) -> None:
    brightest = plain.inputs.mean((2, 3)).argmax(1)
    assert torch.equal(brightest, values(plain, "colour"))
    assert COLOURS[int(brightest[0])] in ("red", "green", "blue")


def test_the_position_is_where_the_middle_of_what_is_drawn_lies(plain: Dataset) -> None:
    drawn = (plain.inputs.sum(1) > 0).double()
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    down = (drawn.sum(2) * axis).sum(1) / drawn.sum((1, 2))
    right = (drawn.sum(1) * axis).sum(1) / drawn.sum((1, 2))
    planted = values(plain, "position")
    assert ((right > 0) == (planted % 2 == 1)).double().mean() > 0.95
    far = down.abs() > 2  # nearer to the middle the shapes' own forms may move it across
    assert ((down > 0) == (planted >= 2))[far].double().mean() > 0.95


@pytest.mark.parametrize("number", range(len(ORIENTATIONS)))
def test_stripes_vary_least_along_their_orientation(plain: Dataset, number: int) -> None:
    chosen = plain.inputs[values(plain, "orientation") == number].sum(1)
    drawn = chosen > 0
    shifts = {"horizontal": (0, 1), "falling": (1, 1), "vertical": (1, 0), "rising": (1, -1)}
    changes = {}
    for name, shift in shifts.items():
        moved, there = chosen.roll(shift, (1, 2)), drawn & drawn.roll(shift, (1, 2))
        changes[name] = float(((moved - chosen)[there] ** 2).mean())
    assert min(changes, key=changes.__getitem__) == ORIENTATIONS[number]


def test_all_shapes_have_the_same_area() -> None:
    axis = torch.linspace(-2, 2, 801)
    for draw in SHAPES.values():
        area = draw(axis[:, None], axis[None, :]).double().mean() * 16
        assert area == pytest.approx(4, rel=0.02)


@given(st.integers(0, 2**31 - 1))
def test_the_same_seed_gives_the_same_bits(seed: int) -> None:
    first, second = load(8, noise=0.1, seed=seed), load(8, noise=0.1, seed=seed)
    assert torch.equal(first.inputs, second.inputs)
    assert torch.equal(first.targets, second.targets)
    assert not torch.equal(first.inputs, load(8, noise=0.1, seed=seed + 1).inputs)


def test_its_recipe_trains_convolutions() -> None:
    recipe = Recipe.create("shapes")
    assert recipe.network == "cnn"
    assert len(recipe.layers) == 4
