"""Numbers now and before, and what is made of a few examples."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.desk.outcomes.measures import Parts, estimated, exact, joined


@given(st.integers(2, 30), st.integers(0, 1000))
def test_all_examples_make_the_exact_number(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    now, before = (
        Parts(
            torch.randn(count, generator=generator, dtype=torch.float64),
            torch.ones(count, dtype=torch.float64),
        )
        for _ in range(2)
    )
    groups = [{"loss": Parts(now.amounts[part], now.weights[part])} for part in (slice(0, 1), slice(1, None))]
    found = estimated(joined(groups), {"loss": before}, {}, count)["loss"]
    assert found.now == pytest.approx(now.amounts.mean().item())
    assert found.change == pytest.approx((now.amounts - before.amounts).mean().item())
    assert found.interval is not None
    assert found.interval.high - found.interval.low == pytest.approx(0)


def test_numbers_that_are_none_have_no_bounds() -> None:
    ones = torch.ones(3, dtype=torch.float64)
    broken = Parts(torch.tensor([1.0, math.nan, 2.0], dtype=torch.float64), ones)
    found = estimated({"loss": broken}, {"loss": Parts(ones, ones)}, {"loss": 1.0}, 10)["loss"]
    assert math.isnan(found.now)
    assert found.before == 1
    assert found.interval is None
    nothing = Parts(ones * 0, ones * 0)
    found = estimated({"accuracy": nothing}, {"accuracy": nothing}, {}, 10)["accuracy"]
    assert math.isnan(found.now)


def test_an_exact_number_is_its_own_bounds() -> None:
    found = exact({"loss": 2.0}, {"loss": 0.5})["loss"]
    assert (found.interval, found.change_interval, found.change) == ((2, 2), (1.5, 1.5), 1.5)
