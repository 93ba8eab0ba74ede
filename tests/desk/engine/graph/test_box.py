from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.desk.engine.graph.box import Box, hull, meet, put, same, take

SHAPE = (3, 5, 4)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    axes = draw(st.sets(st.integers(0, 2)))
    return {
        axis: torch.tensor(sorted(draw(st.sets(st.integers(0, SHAPE[axis] - 1), min_size=1))))
        for axis in axes
    }


def inside(box: Box) -> torch.Tensor:
    """Which entries a box holds, entry by entry."""
    mask = torch.ones(SHAPE, dtype=torch.bool)
    for axis, places in box.items():
        chosen = torch.zeros(SHAPE[axis], dtype=torch.bool)
        chosen[places] = True
        mask &= chosen.view(*[-1 if each == axis else 1 for each in range(3)])
    return mask


@given(boxes())
def test_what_is_taken_and_put_are_the_entries_of_the_box(box: Box) -> None:
    values = torch.arange(60).view(SHAPE)
    assert torch.equal(take(values, box).flatten(), values[inside(box)])
    target = torch.full(SHAPE, -1)
    put(target, box, take(values, box))
    assert torch.equal(target, values.where(inside(box), torch.tensor(-1)))


@given(boxes(), boxes())
def test_a_hull_holds_both_boxes(one: Box, other: Box) -> None:
    held = inside(hull([one, other], SHAPE))
    assert bool((held | ~inside(one)).all())
    assert bool((held | ~inside(other)).all())


@given(boxes(), boxes())
def test_boxes_meet_in_the_entries_of_both(one: Box, other: Box) -> None:
    values = torch.arange(60).view(SHAPE)
    met: tuple[Box, Box] = ({}, {})
    for axis in range(3):
        for box, places in zip(met, meet(one.get(axis), other.get(axis)), strict=True):
            if places is not None:
                box[axis] = places
    both = values[inside(one) & inside(other)]
    if all(len(places) for box in met for places in box.values()):
        assert torch.equal(take(take(values, one), met[0]).flatten(), both)
        assert torch.equal(take(take(values, other), met[1]).flatten(), both)
    else:
        assert not len(both)


@given(boxes(), boxes())
def test_boxes_are_the_same_where_they_name_the_same(one: Box, other: Box) -> None:
    named = {axis: places.tolist() for axis, places in one.items()}
    assert same(one, other) == (named == {axis: places.tolist() for axis, places in other.items()})
