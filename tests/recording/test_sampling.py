"""The sampled weights: their choice, and reading them from every kind of tensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.recording.ranks import Shard
from weightdesk.recording.sampling import PER_PARAMETER, FormChangedError, SampledSteps, Sampler, choose, pick


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 10_000), max_size=5), st.integers(0, 9)
)
def test_places_are_distinct_ascending_and_inside(sizes: dict[str, int], seed: int) -> None:
    for name, places in choose(sizes, seed).items():
        assert len(places) == min(PER_PARAMETER, sizes[name])
        assert (np.diff(places) > 0).all()
        assert not len(places) or (places[0] >= 0 and places[-1] < sizes[name])


def test_the_choice_depends_on_name_and_seed_alone() -> None:
    alone, together = choose({"a": 1000}), choose({"b": 5, "a": 1000})
    assert np.array_equal(alone["a"], together["a"])
    assert not np.array_equal(alone["a"], choose({"a": 1000}, seed=1)["a"])


def test_every_place_comes_as_often_as_the_others() -> None:
    """Of 100 places 16 are chosen, one of each sixteenth: in 6,000 choices each one about 960 times."""
    chosen = choose({f"layer.{number}": 100 for number in range(6000)})
    counts = np.bincount(np.concatenate(list(chosen.values())), minlength=100)
    widths = np.diff(100 * np.arange(17) // 16)
    expected = np.repeat(6000 / widths, widths)
    deviation = np.sqrt(6000 / widths * (1 - 1 / widths)).repeat(widths)
    assert (np.abs(counts - expected) < 4.5 * deviation).all()  # of 100 numbers none is so far off by chance


def whole(shape: tuple[int, ...]) -> Shard:
    return Shard(shape, (0,) * len(shape), shape)


TENSORS = {
    "dense": torch.randn(7, 5),
    "last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "cut": torch.randn(10, 10)[::2, 1::3],
    "half": torch.randn(9).bfloat16(),
    "scalar": torch.tensor(3.5),
}


def sampler_of(tensors: dict[str, torch.Tensor]) -> Sampler:
    chosen = choose({name: each.numel() for name, each in tensors.items()})
    return Sampler(chosen, {name: whole(tuple(each.shape)) for name, each in tensors.items()})


def read(
    sampler: Sampler, step: int, weights: list[torch.Tensor], gradients: list[torch.Tensor | None]
) -> SampledSteps:
    sampler.read(step, weights, gradients)
    (found,) = sampler.take()
    return found


def expected(sampler: Sampler, tensors: list[torch.Tensor | None]) -> np.ndarray:
    parts = [
        torch.full((len(places),), torch.nan).double() if each is None else each.flatten()[places].double()
        for each, places in zip(tensors, map(torch.from_numpy, sampler.held.values()), strict=True)
    ]
    return torch.cat(parts).numpy()


def test_reads_weights_and_gradients_of_every_layout() -> None:
    weights = list(TENSORS.values())
    sampler = sampler_of(TENSORS)
    for seed in range(3):  # from the second time on by what was prepared
        gradients = [each.clone() * seed for each in weights]
        both = np.concatenate([expected(sampler, weights), expected(sampler, gradients)])
        found = read(sampler, seed, weights, gradients)
        assert found.steps[0] == seed
        assert np.array_equal(found.fetch(), [both])
        assert not found.without_gradient.any()


def test_a_weight_that_moves_in_memory_and_a_gradient_that_goes_are_followed() -> None:
    sampler = sampler_of(TENSORS)
    weights: list[torch.Tensor] = list(TENSORS.values())
    read(sampler, 0, weights, weights)
    weights = [each.t().clone().t() if each.ndim == 2 else each.clone() for each in weights]
    gradients = [None, *weights[1:]]
    found = read(sampler, 1, weights, gradients)
    both = np.concatenate([expected(sampler, weights), expected(sampler, gradients)])
    assert np.array_equal(found.fetch()[0], both, equal_nan=True)
    assert found.without_gradient[:PER_PARAMETER].all()
    assert not found.without_gradient[PER_PARAMETER:].any()


@pytest.mark.parametrize("change", [lambda each: each.double(), lambda each: each.clone()[None]])
def test_a_weight_of_another_form_is_refused_and_read_once_it_is_followed(
    change: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    weight = torch.arange(6.0)
    sampler = sampler_of({"w": weight})
    read(sampler, 0, [weight], [None])
    changed = change(weight)
    with pytest.raises(FormChangedError):
        sampler.read(1, [changed], [None])
    assert not sampler.take()
    sampler.follow(choose({"w": 6}), {"w": whole(tuple(changed.shape))})
    assert read(sampler, 1, [changed], [None]).fetch()[0, :6].tolist() == list(range(6))


def test_a_step_under_way_is_not_handed_over() -> None:
    weight = torch.ones(3)
    sampler = sampler_of({"w": weight})
    sampler.read(0, [weight], [weight])
    sampler.is_under_way = True
    sampler.read(1, [2 * weight], [weight])
    assert [block.steps[: block.count].tolist() for block in sampler.take()] == [[0]]
    sampler.read_gradients_again(1, [3 * weight], [5 * weight], ["w"])
    sampler.is_under_way = False
    (block,) = sampler.take()
    assert block.fetch().tolist() == [[2, 2, 2, 5, 5, 5]]


def test_reads_sparse_tensors_without_making_them_dense() -> None:
    indices, values = torch.tensor([[3, 1, 3]]), torch.randn(3, 4)
    sparse = torch.sparse_coo_tensor(indices, values, (6, 4), check_invariants=True)
    places = torch.arange(24)
    assert torch.equal(pick(sparse, places), sparse.to_dense().flatten().double())
    hybrid = torch.sparse_coo_tensor(
        torch.tensor([[0, 1], [2, 0]]), values[:2], (2, 3, 4), check_invariants=True
    )
    assert torch.equal(pick(hybrid, places), hybrid.to_dense().flatten().double())
    empty = torch.sparse_coo_tensor(
        torch.zeros((1, 0), dtype=torch.long), values[:0], (6, 4), check_invariants=True
    )
    assert not pick(empty, places).any()


def test_sparse_and_missing_gradients_come_together() -> None:
    sparse = torch.sparse_coo_tensor(torch.tensor([[1]]), torch.ones(1, 4), (6, 4), check_invariants=True)
    chosen = {"embedding": np.array([0, 5]), "other": np.array([1])}
    sampler = Sampler(chosen, {"embedding": whole((6, 4)), "other": whole((3,))})
    found = read(sampler, 0, [torch.full((6, 4), 7.0), torch.full((3,), 8.0)], [sparse, None])
    assert np.array_equal(found.fetch()[0], [7.0, 7.0, 8.0, 0.0, 1.0, np.nan], equal_nan=True)
    assert found.without_gradient.tolist() == [False, False, True]


def test_a_shard_holds_its_own_places() -> None:
    chosen = {"w": np.arange(0, 30, 4)}
    tensor = torch.arange(30.0).view(6, 5)
    held = []
    for start in (0, 4):
        part = tensor[start : start + 4]
        sampler = Sampler(chosen, {"w": Shard((6, 5), (start, 0), tuple(part.shape))})
        found = read(sampler, 0, [part], [part]).fetch()[0]
        assert found.tolist() == sampler.held["w"].tolist() * 2
        held += sampler.held["w"].tolist()
    assert held == chosen["w"].tolist()
    nothing = Sampler(chosen, {"w": Shard((6, 5), (0, 0), (6, 5), is_mine=False)})
    assert read(nothing, 0, [tensor], [tensor]).fetch().shape == (1, 0)


def test_blocks_are_handed_over_in_order_whenever_asked() -> None:
    sampler, weights = sampler_of(TENSORS), list(TENSORS.values())
    steps: list[int] = []
    for step in range(3000):
        sampler.read(step, weights, weights)
        if step in (5, 6, 2500):
            steps += [int(each) for block in sampler.take() for each in block.steps[: block.count]]
    steps += [int(each) for block in sampler.take() for each in block.steps[: block.count]]
    assert steps == list(range(3000))
    assert sampler.take() == []


def test_gradients_are_looked_at_without_being_kept() -> None:
    weights = list(TENSORS.values())
    sampler, gradients = sampler_of(TENSORS), [each * 2 for each in weights]
    assert sampler.gradients_now(gradients) is None  # nothing is known of their layout
    sampler.read(0, weights, gradients)
    later: list[torch.Tensor | None] = [torch.empty_like(each).copy_(each + 1) for each in gradients]
    seen = sampler.gradients_now(later)
    assert seen is not None
    assert np.array_equal(seen, expected(sampler, later))
    some = [each if place % 2 else None for place, each in enumerate(later)]
    assert np.array_equal(sampler.gradients_now(some), expected(sampler, some), equal_nan=True)
    assert sampler.gradients_now([each.t() if each.ndim == 2 else each for each in gradients]) is None
    (block,) = sampler.take()
    assert block.count == 1
