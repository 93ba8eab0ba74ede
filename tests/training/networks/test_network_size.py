"""The number of weights is known before any is made, and held against the memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import OptionError
from weightdesk.training.networks import NETWORKS, OF_TEXT, Plan, build
from weightdesk.training.networks.size import count_weights, refuse_beyond_memory

SIZE = st.integers(1, 9)


@given(st.sampled_from(sorted(NETWORKS)), st.lists(SIZE, min_size=1, max_size=3), st.data())
def test_as_many_as_the_network_then_has(network: str, layers: list[int], data: st.DataObject) -> None:
    if network in OF_TEXT:
        shape, tokens = [data.draw(st.integers(4, 9))], data.draw(st.integers(2, 20))
    else:
        tokens = 0
        shape = [data.draw(SIZE), *data.draw(st.lists(st.integers(2, 40), min_size=2, max_size=2))]
    plan = Plan(
        input_shape=tuple(shape), outputs=data.draw(SIZE),
        layers=() if network == "neuron" else tuple(layers),
        tokens=tokens, embedding=4 * data.draw(SIZE), heads=2,
    )  # fmt: skip
    assert count_weights(network, plan) == sum(each.numel() for each in build(network, plan).parameters())


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_more_than_the_memory_is_refused_before_it_is_made(network: str) -> None:
    huge = Plan(
        input_shape={"neuron": (10**6,), "cnn": (3, 10**6, 10**6)}.get(network, (9,)),
        outputs=10**9, layers=(10**9, 10**9), tokens=9 if network in OF_TEXT else 0, embedding=10**9, heads=1,
    )  # fmt: skip
    with pytest.raises(OptionError, match=r"^--layers 1000000000,1000000000 makes a network of .* GB"):
        refuse_beyond_memory(network, huge)
    with pytest.raises(OptionError, match="give smaller layers"):
        build(network, huge)
