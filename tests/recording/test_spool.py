from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weightdesk.recording.spool import Spool

TYPES = st.sampled_from([torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.bool])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TYPES, st.integers(0, 700_000)), min_size=1, max_size=4))
def test_what_is_put_aside_comes_back(wanted: list[tuple[torch.dtype, int]]) -> None:
    spool = Spool(Path())
    tensors = [(torch.randn(size) * 9).to(dtype) for dtype, size in wanted]
    for _ in range(2):  # after `clear` its room is used again
        spooled = [spool.copy("", each) for each in tensors]
        for one, tensor in zip(spooled, tensors, strict=True):
            parts = [block.clone() for block in one.blocks()]
            assert torch.equal(torch.cat(parts) if parts else tensor[:0], tensor)
        spooled[0].copy_(tensors[0].flip(0))
        parts = [block.clone() for block in spooled[0].blocks()]
        assert not parts or torch.equal(torch.cat(parts), tensors[0].flip(0))
        spool.clear()


def test_nothing_of_it_is_seen(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.copy("w", torch.ones(1000))
    assert list(tmp_path.iterdir()) == []
