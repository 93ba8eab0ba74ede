"""Many tensors at once: the same bits whatever the number of threads and the company."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from weightdesk.statistics import layout
from weightdesk.statistics.measure import KINDS, Measurements, in_memory_order, kernels, measure


def many(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sizes = [700_001, 3, 0, 65_536, 900_000, 1]
    dtypes = [torch.float32, torch.float64, torch.float32, torch.bfloat16, torch.float32, torch.float16]
    return [torch.randn(n, generator=generator).to(dtype) for n, dtype in zip(sizes, dtypes, strict=True)]


def bits(found: Measurements) -> bytes:
    return found.totals.tobytes() + found.histograms.tobytes()


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    tensors = many()
    assert bits(measure(tensors, threads=threads)) == bits(measure(tensors, threads=1))


def test_a_tensor_is_measured_alike_alone_and_in_company() -> None:
    tensors = many()
    together = measure(tensors)
    for i, tensor in enumerate(tensors):
        alone = measure([tensor])
        assert alone.totals[0].tobytes() == together.totals[i].tobytes()
        assert alone.histograms[0].tobytes() == together.histograms[i].tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_updates_are_measured_as_differences(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    before = torch.randn(5000, generator=generator).to(dtype)
    after = before + 0.1 * torch.randn(5000, generator=generator).to(dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    difference = after.to(wide) - before.to(wide)
    found, expected = measure([after], [before]), measure([difference])
    flips = ((after > 0) & (before < 0) | (after < 0) & (before > 0)).sum().item()
    assert flips > 0
    assert found.totals[0, layout.SIGN_FLIPS] == flips
    found.totals[0, layout.SIGN_FLIPS] = 0
    assert bits(found) == bits(expected)


def test_a_dense_tensor_is_not_copied_whatever_its_strides() -> None:
    tensor = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert in_memory_order(tensor).data_ptr() == tensor.data_ptr()
    assert in_memory_order(tensor[:, :, ::2]).data_ptr() != tensor.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_single_elements_of_every_kind_are_read(dtype: torch.dtype) -> None:
    special = [0.0, -1.5, 3.0e-5, -6.0e-8, float("inf"), float("-inf"), 65504.0, 1.0, float("nan")]
    tensor = torch.tensor(special, dtype=dtype)
    addresses = np.array([0, tensor.data_ptr()], np.uint64)
    kinds = np.array([0, KINDS[dtype]], np.int8)
    owners = np.array([1] * len(special) + [0])
    offsets = np.array([*range(len(special)), 0])
    found = np.empty(len(owners))
    arrays = (each.ctypes.data for each in (owners, offsets, found))
    kernels["gather"](addresses.ctypes.data, kinds.ctypes.data, 2, *arrays, len(owners))
    assert np.array_equal(found, [*tensor.double().tolist(), np.nan], equal_nan=True)


def test_a_forked_process_can_measure() -> None:
    tensors = many()
    expected = bits(measure(tensors, threads=2))
    child = os.fork()
    if child == 0:
        os._exit(0 if bits(measure(tensors, threads=2)) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
