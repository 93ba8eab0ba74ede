from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.training.randomness import seeded, stream


@given(st.integers(0, 2**40))
def test_streams_of_one_seed_differ_by_purpose_and_repeat(seed):
    assert torch.equal(torch.rand(4, generator=stream(seed, "a")), torch.rand(4, generator=stream(seed, "a")))
    assert not torch.equal(
        torch.rand(4, generator=stream(seed, "a")), torch.rand(4, generator=stream(seed, "b"))
    )


def test_the_callers_generator_is_put_back_even_after_an_error():
    before = torch.get_rng_state()
    try:
        with seeded(3):
            torch.rand(5)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert torch.equal(before, torch.get_rng_state())
