"""Which examples are given another class."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.desk.outcomes.flips import flips
from weightdesk.desk.outcomes.reading import Classes


@given(st.integers(0, 10_000))
def test_flips_are_those_of_a_plain_loop(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    before, now = torch.randn(2, 12, 3, generator=generator)
    targets = torch.randint(-1, 3, (12,), generator=generator)
    reading = Classes(3, 1)

    def judged(outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return reading.predictions(outputs), reading.margins(outputs, targets)

    found = flips(torch.arange(100, 112), targets, judged(before), judged(now))
    expected = []
    for number in range(12):
        truth = targets[number].item()
        if truth >= 0 and before[number].argmax() != now[number].argmax():
            leads = [
                row[number, truth].item() - max(row[number, i].item() for i in range(3) if i != truth)
                for row in (before, now)
            ]
            expected.append((100 + number, leads[1] - leads[0]))
    expected.sort(key=lambda each: -abs(each[1]))
    assert found.examples.tolist() == [number for number, _ in expected]
    assert torch.allclose(
        found.changes, torch.tensor([each for _, each in expected], dtype=torch.float64), atol=1e-6
    )
    assert found.seen == int((targets >= 0).sum())
    assert bool((found.lost | found.gained | (found.truths != found.now)).all())


def test_places_of_tokens_and_what_is_no_number() -> None:
    truths = torch.tensor([[0, 1], [1, 0]])
    before, now = torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0, 0], [1, -1]])
    margins = torch.tensor([[1.0, 2.0], [1.0, -1.0]]), torch.tensor([[1.0, -1.0], [1.0, math.nan]])
    found = flips(torch.tensor([7, 9]), truths, (before, margins[0]), (now, margins[1]))
    assert found.examples.tolist() == [9, 7]  # what became no number first
    assert found.places.tolist() == [[1], [1]]
    assert found.lost.tolist() == [False, True]
    assert found.title == "2 of 4 flipped: 0 became right, 1 wrong"
    table = found.to_arrow()
    assert table["place"].to_pylist() == ["(1,)", "(1,)"]
    assert "place" in found._repr_html_()
