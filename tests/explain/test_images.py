"""Pictures show what the numbers are: in a notebook as images, weights in blue and orange."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from weightdesk.explain.images import NEGATIVE, POSITIVE, ZERO, Picture
from weightdesk.explain.page import Page, Section


def pixels(values: Tensor, *, signed: bool = False) -> np.ndarray:
    return np.asarray(Picture("", values, signed).image())


def hexed(pixel: np.ndarray) -> str:
    return "#" + bytes(pixel.tolist()).hex()


def test_weights_are_blue_above_zero_and_orange_below() -> None:
    found = pixels(torch.tensor([[[2.0, 0.0, -2.0]]]), signed=True)
    assert [hexed(each) for each in found[0, ::22][:3]] == [POSITIVE, ZERO, NEGATIVE]


@given(st.integers(1, 5), st.integers(1, 70), st.integers(1, 70), st.booleans())
def test_any_picture_has_whole_pixels(channels: int, height: int, width: int, signed: bool) -> None:
    values = torch.randn(channels, height, width)
    across = width if channels == 3 and not signed else channels * width
    zoom = -(-64 // max(height, width)) if max(height, width) < 64 else 1
    assert pixels(values, signed=signed).shape == (zoom * height, zoom * across, 3)


def test_grey_goes_from_the_least_to_the_largest_and_three_channels_are_colours() -> None:
    grey = pixels(torch.tensor([[[-1.0, 1.0, 3.0]]]))[0, ::22, 0]
    assert grey.tolist()[:3] == [0, 128, 255]
    red = torch.zeros(3, 64, 64)
    red[0] = 1
    assert hexed(pixels(red)[0, 0]) == "#ff0000"


@pytest.mark.parametrize("values", [torch.zeros(1, 2, 2), torch.full((1, 2, 2), torch.nan)])
def test_what_does_not_vary_is_drawn_too(values: Tensor) -> None:
    assert len({hexed(each) for each in pixels(values).reshape(-1, 3)}) == 1
    assert hexed(pixels(values, signed=True)[0, 0]) == ZERO


class Drawn(Page):
    @property
    def title(self) -> str:
        return "drawn"

    def sections(self) -> list[Section]:
        return []

    def images(self) -> list[Picture]:
        return [Picture("unit <3>", torch.eye(64)[None])]


def test_a_notebook_shows_the_pictures_with_their_names() -> None:
    html = Drawn()._repr_html_()
    assert "<figcaption>unit &lt;3&gt;</figcaption>" in html
    data = re.search(r"base64,([^\"]+)", html)
    assert data is not None
    shown = Image.open(io.BytesIO(base64.b64decode(data[1])))
    np.testing.assert_array_equal(np.asarray(shown), pixels(torch.eye(64)[None]))
    assert Drawn()._repr_html_() == html
