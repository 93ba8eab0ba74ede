"""Parts of tensors: held against torch's own cutting, for every process of random meshes."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributed.tensor import Partial, Replicate, Shard
from torch.distributed.tensor.placement_types import _StridedShard

from weightdesk.recording.placement import Shard as Part
from weightdesk.recording.placement import entire, holders, placed_shard


def placed(whole: tuple[int, ...], part: Tensor, mesh: Tensor, at: Any, placements: Any) -> Any:
    """What a DTensor shows of itself, without the processes."""
    device_mesh = SimpleNamespace(mesh=mesh, shape=tuple(mesh.shape), get_coordinate=lambda: at)
    tensor = SimpleNamespace(shape=whole, device_mesh=device_mesh, placements=placements)
    tensor.to_local = lambda: part
    tensor.detach = lambda: tensor
    return tensor


def cut_by_torch(tensor: Tensor, mesh_shape: tuple[int, ...], at: tuple[int, ...], placements: Any) -> Tensor:
    for place, parts, placement in zip(at, mesh_shape, placements, strict=True):
        if not placement.is_replicate():
            tensor = placement._split_tensor(tensor, parts, with_padding=False)[0][place]
    return tensor


@st.composite
def layouts(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], list[Any]]:
    whole = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)))
    mesh = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    axis = st.integers(0, len(whole) - 1)
    placement = st.one_of(
        st.just(Replicate()),
        st.builds(Shard, axis),
        st.builds(lambda dim, factor: _StridedShard(dim, split_factor=factor), axis, st.integers(2, 3)),
    )
    return whole, mesh, [draw(placement) for _ in mesh]


def is_block(elements: Tensor, part: Tensor) -> bool:
    """Whether a part is empty or what a plain index gives."""
    if not part.numel():
        return True
    start = torch.nonzero(elements == part.flatten()[0])[0].tolist()
    block = tuple(slice(first, first + length) for first, length in zip(start, part.shape, strict=True))
    return torch.equal(elements[block], part)


@given(layouts())
def test_every_element_is_recorded_once_and_by_its_holder(layout: Any) -> None:
    whole, mesh_shape, placements = layout
    elements = torch.arange(math.prod(whole)).view(whole)
    mesh = torch.arange(math.prod(mesh_shape)).view(mesh_shape)
    places = list(itertools.product(*map(range, mesh_shape)))
    parts = [cut_by_torch(elements, mesh_shape, at, placements) for at in places]
    tensors = [placed(whole, part, mesh, at, placements) for at, part in zip(places, parts, strict=True)]
    shards = [placed_shard(tensor) for tensor in tensors]
    known = [shard for shard in shards if shard is not None]
    if not known:  # all processes leave it out, or none
        assert not all(is_block(elements, part) for part in parts)
        return
    assert len(known) == len(shards)
    times = torch.zeros(whole, dtype=torch.int64)
    for number, (part, shard) in enumerate(zip(parts, known, strict=True)):
        assert shard.shape == tuple(part.shape)
        if shard.is_mine:
            assert torch.equal(elements[shard.region], part)
            assert number in holders(tensors[0])
            times[shard.region] += 1
    assert (times == 1).all()


@pytest.mark.parametrize("length", [1, 3, 7, 8, 10])
def test_fsdp_over_tensor_parallelism_is_one_block(length: int) -> None:
    """FSDP2 over tensor parallelism, on two times two processes."""
    placements, mesh = [_StridedShard(0, split_factor=2), Shard(0)], torch.arange(4).view(2, 2)
    elements = torch.arange(length)
    for at in itertools.product(range(2), range(2)):
        part = cut_by_torch(elements, (2, 2), at, placements)
        shard = placed_shard(placed((length,), part, mesh, at, placements))
        assert shard is not None
        assert torch.equal(elements[shard.region], part)


def test_a_partial_sum_has_no_part() -> None:
    tensor = placed((3,), torch.ones(3), torch.arange(2), (0,), [Partial()])
    assert placed_shard(tensor) is None


def test_a_process_outside_the_mesh_holds_nothing() -> None:
    tensor = placed((4,), torch.ones(0), torch.tensor([0, 1]), None, [Shard(0)])
    assert placed_shard(tensor) == Part((4,), (0,), (0,), is_mine=False)


def test_a_mesh_without_process_0_records_nothing() -> None:
    """Process 0 lists the parameters: another mesh has replicas of its own, or another stage."""
    shard = placed_shard(placed((4,), torch.ones(2), torch.tensor([2, 3]), (0,), [Shard(0)]))
    assert shard is not None
    assert (shard.shape, shard.is_mine) == ((2,), False)


def test_a_part_that_is_not_as_it_is_said_to_be_is_none() -> None:
    assert placed_shard(placed((4,), torch.ones(3), torch.arange(2), (0,), [Shard(0)])) is None


@pytest.mark.parametrize(
    ("start", "mine", "first"), [((0,), True, True), ((0,), False, False), ((2,), True, False)]
)
def test_one_process_records_what_exists_once_a_tensor(start: Any, mine: bool, first: bool) -> None:
    assert Part((2, 2), start, (2,), mine, is_flat=True).holds_first is first


def test_a_scalar_is_whole() -> None:
    shard = entire(torch.tensor(1.0), is_mine=True)
    assert (shard.frame, shard.region, shard.is_whole) == ((), (), True)
