from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.explain.images import Picture
from weightdesk.terminal.sheet import contact_sheet


@given(st.integers(1, 40), st.sampled_from([(1, 8, 8), (3, 20, 10), (1, 112, 112)]))
def test_any_number_of_pictures_fits_on_the_sheet(count: int, shape: tuple[int, int, int]) -> None:
    values = torch.ones(shape)
    values[:, 0, 0] = 0
    sheet = np.asarray(contact_sheet("a title", [Picture(f"unit {each}", values) for each in range(count)]))
    image = np.asarray(Picture("", values).image())
    black = int((image == 0).all(2).sum())
    assert int((sheet == 0).all(2).sum()) == count * black


def test_the_same_pictures_make_the_same_sheet() -> None:
    pictures = [Picture(f"unit {unit}: 1.2×", torch.eye(8)[None] * unit, signed=True) for unit in range(3)]
    assert contact_sheet("3 × 3", pictures).tobytes() == contact_sheet("3 × 3", pictures).tobytes()
