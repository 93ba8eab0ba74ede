"""The accelerator's way of measuring gives what the kernels give; run here on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.statistics.devices import measure_on_device
from weightdesk.statistics.measure import measure


def cases() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    tensor = torch.randn(3000, generator=generator)
    holed = tensor.clone()
    holed[::7], holed[1::7], holed[2::7], holed[3::7] = float("nan"), float("inf"), 0.0, -0.0
    return [
        tensor,
        holed,
        tensor * 1e-41,
        tensor.double() * 1e-200,
        tensor.bfloat16(),
        tensor.half().view(30, 100).t(),
        torch.zeros(0),
        torch.tensor(2.0),
        torch.full((5,), float("nan")),
    ]


@pytest.mark.parametrize("tensor", cases(), ids=lambda each: f"{each.dtype}{tuple(each.shape)}")
def test_agrees_with_the_kernels(tensor: torch.Tensor) -> None:
    found, expected = measure_on_device([tensor]).collect(), measure([tensor])
    assert np.array_equal(found.histograms, expected.histograms)
    np.testing.assert_allclose(found.totals, expected.totals, rtol=1e-11, atol=1e-300)


def test_updates_agree_with_the_kernels() -> None:
    generator = torch.Generator().manual_seed(5)
    before, after = torch.randn(2, 1000, generator=generator).unbind()
    found, expected = measure_on_device([after], [before]).collect(), measure([after], [before])
    assert np.array_equal(found.histograms, expected.histograms)
    np.testing.assert_allclose(found.totals, expected.totals, rtol=1e-11)


def test_nothing_is_fetched_before_collect(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the device was asked for a value")

    for name in ("item", "__bool__", "__float__", "__int__", "tolist"):
        monkeypatch.setattr(torch.Tensor, name, refuse)
    measure_on_device([torch.randn(10)], [torch.randn(10)])
