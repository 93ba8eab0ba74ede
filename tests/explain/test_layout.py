from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.explain.batch import batch_of
from weightdesk.explain.layout import Layout, layout_along, layout_of


@given(examples=st.integers(2, 4), block=st.integers(1, 3), axis=st.integers(0, 2), strided=st.booleans())
def test_samples_and_places_undo_each_other(examples: int, block: int, axis: int, strided: bool) -> None:
    shape = [2, 3, 2]
    shape[axis] = examples * block
    layout = Layout(tuple(shape), examples, axis, block, strided and block > 1)
    positions = torch.arange(12 // (3 if axis == 1 else 2) * examples * block)
    samples, places = layout.samples(positions), layout.places(positions, [])
    assert samples.bincount().tolist() == [len(positions) // examples] * examples
    assert len({(a, *b) for a, b in zip(samples.tolist(), places.tolist(), strict=True)}) == len(positions)


def test_the_layout_is_seen_from_the_first_example() -> None:
    batch = batch_of(torch.zeros(4, 3))
    x = torch.randn(4, 3, 5)
    flat, turned = x.reshape(12, 5), x.transpose(0, 1).reshape(12, 5)
    cases = [
        (x, x[:1], (0, 1, False)),
        (x.transpose(0, 1), x[:1].transpose(0, 1), (1, 1, False)),
        (flat, x[0], (0, 3, False)),
        (turned, x[0], (0, 3, True)),
        (torch.zeros(4, 5), torch.zeros(4, 5), (None, 1, False)),
        (torch.zeros(4, 4), torch.zeros(1, 1), (None, 1, False)),
        (torch.zeros(7, 5), torch.zeros(2, 5), (None, 2, False)),
        (x, None, (0, 1, False)),
        (torch.zeros(3), None, (None, 1, False)),
        (torch.zeros(()), None, (None, 1, False)),
    ]
    for tensor, first, (axis, block, strided) in cases:
        found = layout_of(tensor, first, batch)
        assert (found.axis, found.strided) == (axis, strided)
        if axis is not None:
            assert found.block == block
    assert (
        layout_of(torch.zeros(3), None, batch_of(torch.zeros(1))).samples(torch.arange(3)).tolist() == [0] * 3
    )
    assert Layout((3,), 2, None).samples(torch.arange(3)).tolist() == [-1] * 3


@given(size=st.integers(2, 5), few=st.integers(1, 3), block=st.integers(1, 3), strided=st.booleans())
def test_folded_examples_are_told_from_alternating_ones(
    size: int, few: int, block: int, strided: bool
) -> None:
    def folded(count: int) -> torch.Tensor:
        each = torch.arange(count).view(-1, 1) * 10 + torch.arange(block)
        return (each.t() if strided else each).reshape(1, -1).double()

    whole = folded(size)
    few = min(few, size - 1)
    layout = layout_along(1, whole, folded(few), size, few)
    assert (layout.axis, layout.block) == (1, block)
    for example in range(size):
        entries = [10 * example + row for row in range(block)]
        assert whole[0, layout.along(example, None)].tolist() == entries
        assert [whole[0, layout.along(example, row)].item() for row in range(block)] == entries
    assert torch.equal(layout.rows(torch.arange(size * block)), whole[0].long() % 10)
