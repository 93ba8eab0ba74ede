"""What is measured of pictures and texts, against what was drawn and written."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture.story.properties import (
    COLOURS,
    ORIENTATIONS,
    POSITIONS,
    colour,
    orientation,
    position,
    properties_of,
    stroke,
)
from weightdesk.properties import Property
from weightdesk.training.data.shapes import load

SIDE = 24


def stripes(degrees: float, phase: float = 0.0) -> Tensor:
    """Stripes that run at an angle to the horizontal, falling to the right."""
    down, right = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    angle = math.radians(degrees)
    across = down * math.cos(angle) - right * math.sin(angle)
    return (2 * math.pi * across / 6 + phase).sin()[None, None]


@given(st.floats(-15, 15), st.sampled_from(range(4)), st.floats(0, 6))
def test_orientation_is_that_of_the_stripes(off: float, number: int, phase: float) -> None:
    found = orientation(stripes(45 * number + off, phase))
    assert ORIENTATIONS[int(found.values)] == ORIENTATIONS[number]


def test_the_planted_orientation_of_shapes_is_measured() -> None:
    made = load(400, noise=0.0, seed=0)
    planted = next(each for each in made.properties if each.name == "orientation")
    found = orientation(made.inputs).values
    told = found >= 0
    assert told.double().mean() > 0.5
    assert (found[told] == planted.values[told]).double().mean() > 0.9


def test_where_nothing_stands_out_it_is_not_told() -> None:
    blank = torch.full((1, 3, 8, 8), 0.5)
    assert int(orientation(blank).values) == -1
    assert int(position(blank).values) == -1
    assert int(colour(blank).values) == -1


@given(st.integers(0, 3), st.floats(0.1, 5), st.floats(-3, 3))
def test_position_and_stroke_do_not_go_by_ground_and_contrast(
    number: int, contrast: float, ground: float
) -> None:
    corners = torch.zeros(4, 1, 9, 9)
    for each in range(4):
        top, left = 5 * (each // 2), 5 * (each % 2)
        corners[each, 0, top : top + 1 + each % 3, left : left + 2] = 1
    changed = contrast * corners + ground
    assert POSITIONS[int(position(changed).values[number])] == POSITIONS[number]
    assert torch.equal(stroke(changed).values, stroke(corners).values)


@pytest.mark.parametrize("number", range(len(COLOURS)))
def test_colours_are_told_by_their_names(number: int) -> None:
    on = {"red": (1, 0, 0), "yellow": (1, 1, 0), "green": (0, 1, 0), "cyan": (0, 1, 1), "blue": (0, 0, 1)}
    picture = torch.zeros(1, 3, 6, 6)
    picture[0, :, 2:4, 2:4] = torch.tensor(on.get(COLOURS[number], (1, 0, 1))).float()[:, None, None]
    assert int(colour(picture).values) == number


def test_texts_have_a_length_and_perhaps_a_negation() -> None:
    tokens = ("<pad>", "good", "not", "isn't", "nothing")
    inputs = torch.tensor([[1, 0, 0, 0], [1, 2, 0, 0], [1, 3, 1, 0], [1, 1, 4, 1]])
    net = nn.Embedding(5, 2, padding_idx=0)
    found = {each.name: each for each in properties_of(Specimen(net, inputs, tokens=tokens))}
    assert list(found) == ["length", "negation"]
    assert found["negation"].values.tolist() == [0, 1, 1, 1]
    assert found["length"].values.tolist() == [0, 0, 1, 2]


def test_what_is_known_goes_before_what_can_be_measured() -> None:
    pictures = torch.rand(9, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    known = Property("stroke", torch.arange(9) % 2, ("thin", "bold"))
    found = properties_of(Specimen(nn.Identity(), pictures, properties=(known,)))
    assert [each.name for each in found] == ["stroke", "orientation", "position", "colour"]
    assert found[0] is known
    assert properties_of(Specimen(nn.Identity(), torch.rand(4, 5))) == ()


def test_the_same_pictures_give_the_same_bits() -> None:
    pictures = torch.rand(50, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for measure in (orientation, position, stroke, colour):
        assert torch.equal(measure(pictures).values, measure(pictures.clone()).values)
