"""Each rule against its operation: a change in a box must come out as the whole operation says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.desk.engine.graph.box import Box, Part, put, take
from weightdesk.desk.engine.graph.rules import rule_of
from weightdesk.desk.engine.graph.step import Operand, make_step

aten = torch.ops.aten
X, W, B = Operand(0), Operand(1), Operand(2)
_SAME = ([1, 1], [1, 1], [1, 1])


@dataclass(frozen=True)
class Case:
    """An operation, and the shapes of its operands; those named whole are never changed in part."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]


CASES = {
    "relu": Case(aten.relu.default, (X,), ((6, 8, 3),)),
    "gelu": Case(aten.gelu.default, (X,), ((6, 8, 3),)),
    "add": Case(aten.add.Tensor, (X, W), ((6, 8, 3), (8, 1))),
    "mul itself": Case(aten.mul.Tensor, (X, X), ((6, 8, 3),)),
    "linear": Case(aten.linear.default, (X, W, B), ((6, 8), (10, 8), (10,))),
    "linear of tokens": Case(aten.linear.default, (X, W), ((6, 5, 8), (10, 8))),
    "linear of itself": Case(aten.linear.default, (X, X), ((6, 8),)),
    "conv1d": Case(aten.conv1d.default, (X, W, B, [1], [1], [1]), ((6, 8, 9), (10, 8, 3), (10,))),
    "conv2d": Case(aten.conv2d.default, (X, W, B, [2, 2], [1, 1]), ((6, 8, 5, 5), (10, 8, 3, 3), (10,))),
    "depthwise": Case(aten.conv2d.default, (X, W, B, *_SAME, 8), ((3, 8, 5, 5), (8, 1, 3, 3), (8,))),
    "grouped": Case(aten.conv2d.default, (X, W, None, *_SAME, 2), ((3, 8, 5, 5), (6, 4, 3, 3))),
    "layer norm": Case(aten.layer_norm.default, (X, [8], W, B), ((6, 5, 8), (8,), (8,))),
    "group norm": Case(aten.group_norm.default, (X, 2, W, B), ((6, 8, 3), (8,), (8,))),
    "softmax": Case(aten.softmax.int, (X, 1), ((6, 8, 3),)),
    "max pool": Case(aten.max_pool2d.default, (X, [2, 2]), ((6, 8, 4, 4),)),
    "mean": Case(aten.mean.dim, (X, [2, 3]), ((6, 8, 4, 4),)),
    "mean kept": Case(aten.mean.dim, (X, [-1], True), ((6, 8, 4),)),
    "pad": Case(aten.constant_pad_nd.default, (X, [1, 1]), ((6, 8, 4),)),
    "attention": Case(aten.scaled_dot_product_attention.default, (X, W, B), ((6, 4, 5, 3),) * 3),
    "causal": Case(aten.scaled_dot_product_attention.default, (X, X, X, None, 0.0, True), ((6, 4, 5, 3),)),
    "bmm": Case(aten.bmm.default, (X, W), ((6, 5, 8), (6, 8, 7))),
    "matmul": Case(aten.matmul.default, (X, W), ((6, 4, 5, 8), (8, 7))),
    "embedding": Case(aten.embedding.default, (X, torch.tensor([[1, 4], [2, 4], [0, 0]])), ((9, 8),)),
    "view apart": Case(aten.reshape.default, (X, [6, 3, 4, 2]), ((6, 24),)),
    "view together": Case(aten.reshape.default, (X, [6, 24]), ((6, 3, 4, 2),)),
    "view across": Case(aten.reshape.default, (X, [12, 1, 12]), ((6, 8, 3),)),
    "permute": Case(aten.permute.default, (X, [2, 0, 1]), ((6, 8, 3),)),
    "transpose": Case(aten.transpose.int, (X, -1, 0), ((6, 8, 3),)),
    "unsqueeze": Case(aten.unsqueeze.default, (X, -2), ((6, 8),)),
    "squeeze": Case(aten.squeeze.dim, (X, 1), ((6, 1, 8),)),
    "expand": Case(aten.expand.default, (X, [4, 6, 8]), ((6, 1),)),
    "slice": Case(aten.slice.Tensor, (X, 1, 1, 7, 2), ((6, 8, 3),)),
    "select": Case(aten.select.int, (X, 1, -2), ((6, 8, 3),)),
    "cat": Case(aten.cat.default, ([X, W, X], 1), ((6, 8), (6, 3))),
    "cumsum": Case(aten.cumsum.default, (X, 1), ((6, 8, 3),)),
    "unknown": Case(aten.fft_fft.default, (X,), ((6, 8),)),
}  # fmt: skip


class Turned:
    """Values of every slot before and now, held whole."""

    def __init__(self, before: list[Any], now: list[Any], changes: dict[int, Part]) -> None:
        self._before, self._now, self.changes = before, now, changes

    def before(self, slot: int, box: Box | None = None) -> Any:
        return take(self._before[slot], box or {})

    def now(self, slot: int, box: Box | None = None) -> Any:
        return take(self._now[slot], box or {})

    def steady(self, slot: int) -> bool:
        return True


def box_of(shape: tuple[int, ...], draw: torch.Generator) -> Box:
    """A random small box; sometimes everything."""
    box = {}
    for axis, size in enumerate(shape):
        if size > 2 and int(torch.randint(2, (), generator=draw)):
            count = int(torch.randint(1, (size + 1) // 2, (), generator=draw)) if size > 3 else 1
            box[axis] = torch.randperm(size, generator=draw)[:count].sort().values
    return box


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_a_change_comes_out_as_the_whole_operation_says(name: str, seed: int) -> None:
    case, draw = CASES[name], torch.Generator().manual_seed(seed)
    count = len(case.shapes)
    before: list[Any] = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in case.shapes]
    arguments = tuple(case.arguments)
    if name == "embedding":  # tokens are a value too
        before.append(arguments[1])
        arguments = (X, W)
    now, changes = list(before), {}
    for slot, shape in enumerate(case.shapes):
        if int(torch.randint(3, (), generator=draw)) or (slot == count - 1 and not changes):
            box = box_of(shape, draw)
            now[slot] = before[slot].clone()
            values = take(now[slot], box) + torch.randn(
                take(now[slot], box).shape, generator=draw, dtype=torch.float64
            )
            put(now[slot], box, values)
            changes[slot] = Part(box, values)
    step = make_step(len(before), case.function, arguments, {})
    results = [step.run(each.__getitem__) for each in (before, now)]
    before, now = [*before, results[0]], [*now, results[1]]
    rule = rule_of(step, [tuple(each.shape) for each in before])
    part = rule.propagate(Turned(before, now, changes))
    found = results[0].clone()
    if part is not None:
        put(found, part.box, part.values) if part.box else found.copy_(part.values)
    torch.testing.assert_close(found, results[1], rtol=1e-12, atol=1e-12)
    box = box_of(tuple(results[0].shape), draw)
    apart = {
        axis: each for axis, each in box.items() if any(axis in labels for labels in rule.labels.values())
    }
    if apart:
        alone = rule.compute(Turned(before, now, {}).before, apart)
        torch.testing.assert_close(alone, take(results[0], apart), rtol=1e-12, atol=1e-12)


def test_a_change_stays_small_where_it_can() -> None:
    """The cases for which this is made: places that change, and only these."""

    def reached(name: str, boxes: dict[int, Box]) -> Box | None:
        case = CASES[name]
        before: list[Any] = [torch.rand(shape) + 1 for shape in case.shapes]
        now, changes = [each.clone() for each in before], {}
        for slot, box in boxes.items():
            values: Tensor = take(now[slot], box) + 1
            put(now[slot], box, values)
            changes[slot] = Part(box, values)
        step = make_step(len(before), case.function, case.arguments, {})
        results = [step.run(each.__getitem__) for each in (before, now)]
        shapes = [tuple(each.shape) for each in (*before, results[0])]
        part = rule_of(step, shapes).propagate(Turned([*before, results[0]], [*now, results[1]], changes))
        return None if part is None else {axis: places.tolist() for axis, places in part.box.items()}

    one = torch.tensor([1])
    assert reached("linear", {1: {0: one}}) == {1: [1]}
    assert reached("linear", {1: {0: one, 1: one}, 2: {0: one}}) == {1: [1]}
    assert reached("conv2d", {2: {0: one}}) == {1: [1]}
    assert reached("linear", {0: {1: one}}) == {}
    assert reached("linear of tokens", {0: {0: one, 2: one}}) == {0: [1]}
    assert reached("attention", {0: {1: one, 3: one}}) == {1: [1]}
    assert reached("view apart", {0: {1: torch.tensor([13])}}) == {1: [1], 2: [2], 3: [1]}
    assert reached("view together", {0: {1: one}}) == {1: [8, 9, 10, 11, 12, 13, 14, 15]}
    assert reached("layer norm", {1: {0: one}}) == {2: [1]}
    assert reached("slice", {0: {1: torch.tensor([2])}}) is None
    assert reached("cat", {1: {1: one}}) == {1: [9]}
