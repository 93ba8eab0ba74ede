"""Updates of large models are measured against weights that wait on the disk: with the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from weightdesk.recording.meter import StepMeter
from weightdesk.recording.notes import Notes
from weightdesk.recording.spool import Spool
from weightdesk.statistics.layout import CHUNK

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_update_measured_from_a_spool_has_the_same_bits(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weights = {
        "wide": torch.randn(3 * CHUNK + 17).to(dtype),
        "turned": torch.randn(300, 200).to(dtype).t(),
        "gaps": torch.randn(50, 40).to(dtype)[::2, ::3],
        "one": torch.randn(()).to(dtype),
        "none": torch.empty(0, 2, dtype=dtype),
    }
    meters = [StepMeter(frozenset({"weight", "update"}), Notes([])) for _ in range(2)]
    meters[0].spool = Spool(tmp_path)
    for step in range(2):
        for meter in meters:
            meter.before(step, weights, {})
        weights = {name: each + 0.01 * torch.randn_like(each) for name, each in weights.items()}
        ((spooled,), (copied,)) = (meter.after(step, weights) for meter in meters)
        one, other = spooled.found.collect(), copied.found.collect()
        assert spooled.names == copied.names
        np.testing.assert_array_equal(one.totals.view(np.int64), other.totals.view(np.int64))
        np.testing.assert_array_equal(one.histograms, other.histograms)
