"""Tensors of every kind that PyTorch has: which of them are read by their address."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.masked import masked_tensor

from weightdesk.statistics.memory import has_plain_memory, has_plain_values


def freed() -> Tensor:
    tensor = torch.ones(4)
    tensor.untyped_storage().resize_(0)
    return tensor


def masked() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a prototype, says PyTorch
        return masked_tensor(torch.ones(3), torch.tensor([True, False, True]))


def in_fake_mode() -> Tensor:
    with FakeTensorMode() as mode:
        return mode.from_tensor(torch.ones(2))


pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Renamed(Tensor):
    """A subclass that changes nothing of what operations do."""


PLAIN: dict[str, Callable[[], Tensor]] = {
    "tensor": lambda: torch.ones(2, 3),
    "parameter": lambda: nn.Parameter(torch.ones(2)),
    "scalar": lambda: torch.tensor(1.0),
    "empty": lambda: torch.ones(0, 3),
    "transposed": lambda: torch.ones(2, 3).T,
    "slice": lambda: torch.ones(9, 9)[2:7:2, 1:],
    "expanded": lambda: torch.ones(1, 3).expand(4, 3),
    "subclass with memory": lambda: torch.ones(2).as_subclass(Renamed),
}
NOT_PLAIN: dict[str, Callable[[], Tensor]] = {
    "meta": lambda: torch.ones(2, device="meta"),
    "sparse": lambda: torch.eye(2).to_sparse(),
    "sparse rows": lambda: torch.eye(2).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)], layout=torch.jagged),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    "masked": masked,
    "under a collective": lambda: AsyncCollectiveTensor(torch.ones(2)),
    "fake": in_fake_mode,
    "functional": lambda: torch._to_functional_tensor(torch.ones(2)),
    "freed": freed,
    "negated lazily": lambda: torch.ones(2, dtype=torch.complex64).conj().imag,
    "zero without memory": lambda: torch._efficientzerotensor(2),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_tensors_with_memory_of_their_own_are_plain(kind: str) -> None:
    assert has_plain_memory(PLAIN[kind]())


@pytest.mark.filterwarnings("ignore:.*(quantiz|Sparse CSR|nested).*")
@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_all_others_are_not(kind: str) -> None:
    assert not has_plain_memory(NOT_PLAIN[kind]())


@pytest.mark.parametrize("transformation", ["vmap", "grad", "jvp", "functionalize"])
def test_what_a_transformation_wraps_is_not_plain(transformation: str) -> None:
    inside = []

    def function(tensor: Tensor) -> Tensor:
        inside.append(has_plain_values(tensor * 2))
        return (tensor * 2).sum()

    x = torch.ones(3)
    if transformation == "jvp":
        torch.func.jvp(function, (x,), (x,))
    else:
        getattr(torch.func, transformation)(function)(x)
    assert inside == [False]


def test_nothing_is_plain_while_a_tracer_runs() -> None:
    inside = []

    class Traced(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            inside.append(has_plain_memory(x))
            return x * 2

    torch.jit.trace(Traced(), torch.ones(2), check_trace=False)
    assert inside
    assert not any(inside)


@given(st.integers(1, 40), st.data())
def test_a_view_is_plain_exactly_if_its_storage_holds_it(size: int, data: st.DataObject) -> None:
    length, stride = data.draw(st.integers(1, 10)), data.draw(st.integers(1, 5))
    offset = data.draw(st.integers(0, 10))
    storage = torch.zeros(offset + (length - 1) * stride + 1)
    view = storage.as_strided((length,), (stride,), offset)
    storage.untyped_storage().resize_(4 * size)
    assert has_plain_memory(view) == (size > offset + (length - 1) * stride)
