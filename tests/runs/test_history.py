from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.runs.history import History, union
from weightdesk.runs.series import Series

KNOWN = st.dictionaries(st.integers(0, 30), st.floats(width=32, allow_nan=False))


@given(KNOWN, KNOWN)
def test_the_union_is_that_of_dictionaries(first: dict[int, float], second: dict[int, float]) -> None:
    tensors = [
        (torch.tensor(sorted(each), dtype=torch.int64), torch.tensor([each[step] for step in sorted(each)]))
        for each in (first, second)
    ]
    steps, values = union(*tensors[0], *tensors[1])
    assert dict(zip(steps.tolist(), values.tolist(), strict=True)) == first | second
    assert steps.tolist() == sorted(first | second)


def test_shows_itself_in_one_short_line() -> None:
    steps, values = torch.arange(100_000), torch.linspace(0, 1, 100_000)
    history = History("conv.weight", (1, 2, 3), steps, values, sampled=True)
    assert repr(history) == "History(conv.weight[1, 2, 3]: 100000 steps 0 … 99999, 0 → 1)"
    nothing = Series("w, weight: rms", steps[:0], values[:0].double())
    assert repr(nothing) == "Series(w, weight: rms: no steps)"
