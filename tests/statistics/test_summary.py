"""Statistics against NumPy in float64, under hypothesis."""

from __future__ import annotations

import math
from dataclasses import astuple

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.statistics import Statistics, bin_of, describe

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
SPECIAL = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-45, -1e-40, 2.0**-126, 65504.0, 3e38, -3e38, 1.0]


def reference(tensor: Tensor) -> dict[str, object]:
    values = tensor.double().flatten().numpy()
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        codes, counts = np.unique(bin_of(finite[finite != 0]), return_counts=True)
        return {
            "count": values.size,
            "nonfinite": values.size - finite.size,
            "zeros": int((finite == 0).sum()),
            "mean": finite.mean() if finite.size else math.nan,
            "std": finite.std() if finite.size else math.nan,
            "rms": math.sqrt(np.square(finite).mean()) if finite.size else math.nan,
            "min": finite.min() if finite.size else math.nan,
            "max": finite.max() if finite.size else math.nan,
            "abs_mean": np.abs(finite).mean() if finite.size else math.nan,
            "abs_max": np.abs(finite).max() if finite.size else math.nan,
            "histogram": dict(zip(codes.tolist(), counts.tolist(), strict=True)),
        }


def assert_agrees(found: Statistics, tensor: Tensor) -> None:
    expected = reference(tensor)
    scale = expected["abs_max"] if found.finite else 1.0
    for name in ("count", "nonfinite", "zeros", "min", "max", "abs_max", "histogram"):
        assert getattr(found, name) == pytest.approx(expected[name], nan_ok=True, rel=0, abs=0), name
    for name in ("mean", "std", "rms", "abs_mean"):
        # 1e-7 of the scale for std: NumPy's own mean is rounded, which matters for near-constant data.
        tolerance = 1e-7 if name == "std" else 1e-12
        assert getattr(found, name) == pytest.approx(
            expected[name], rel=1e-11, abs=tolerance * scale, nan_ok=True
        ), name


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([1e-42, 1e-8, 1.0, 1e4]))
    tensor = (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).to(dtype)
    special = torch.tensor(
        draw(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=8)), dtype=torch.float64
    )
    places = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.0, 0.1, 1.0]))
    picks = torch.randint(len(special), shape, generator=generator)
    tensor = torch.where(places, special[picks].to(dtype), tensor)
    match draw(st.sampled_from(["plain", "transposed", "strided", "expanded", "misaligned"])):
        case "transposed":
            return tensor.transpose(0, -1) if tensor.ndim else tensor
        case "strided":
            return tensor[..., ::2] if tensor.ndim else tensor
        case "expanded":
            return tensor.unsqueeze(0).expand(3, *tensor.shape)
        case "misaligned":
            return tensor.flatten()[1:]
    return tensor


@given(tensors())
def test_agrees_with_numpy(tensor: Tensor) -> None:
    assert_agrees(describe(tensor), tensor)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 7, 2047, 2048, 2049, 65536, 65537, 200_003])
def test_agrees_with_numpy_across_blocks_and_chunks(dtype: torch.dtype, size: int) -> None:
    tensor = torch.randn(size, generator=torch.Generator().manual_seed(size)).to(dtype)
    tensor[size // 2] = math.nan
    tensor[size // 3] = 0.0
    assert_agrees(describe(tensor), tensor)


@given(tensors(), st.data())
def test_merging_any_split_gives_the_whole(tensor: Tensor, data: st.DataObject) -> None:
    flat = tensor.flatten()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flat)), max_size=4)))
    parts = [describe(part) for part in torch.tensor_split(flat, cuts)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert_agrees(merged, flat)


def test_a_constant_tensor_has_no_spread() -> None:
    assert describe(torch.full((100_003,), 0.1)).std == 0.0


def test_a_large_mean_does_not_hide_a_small_spread() -> None:
    tensor = torch.tensor([1e8, 1e8 + 8, 1e8 + 16], dtype=torch.float32)
    assert describe(tensor).std == pytest.approx(tensor.double().std(correction=0).item(), rel=1e-12)


def test_two_calls_give_the_same_bits() -> None:
    tensor = torch.randn(300_000, generator=torch.Generator().manual_seed(1))
    assert astuple(describe(tensor)) == astuple(describe(tensor))


def test_quantiles_lie_within_their_bounds() -> None:
    tensor = torch.randn(10_000, generator=torch.Generator().manual_seed(2))
    found = describe(tensor)
    for q in (0.0, 0.01, 0.5, 0.9, 1.0):
        true = np.quantile(tensor.double().numpy(), q, method="inverted_cdf")
        estimate = found.quantile(q)
        assert estimate.low <= true <= estimate.high
        assert estimate.low <= estimate.value <= estimate.high


def test_integers_are_refused() -> None:
    with pytest.raises(OptionError, match=r"float32, float64, bfloat16, float16, got torch.int64; convert"):
        describe(torch.tensor([1, 2]))
