"""From whole numbers to memory, inside compiled code."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

COMPILED: Final[dict[str, Any]] = {"error_model": "numpy"}
"""How every kernel is compiled: nothing in it raises an exception."""


@intrinsic
def pointer(_typing: Any, address: Any) -> Any:
    """Turn an integer address into a pointer that `carray` accepts."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@intrinsic
def next_ticket(_typing: Any, address: Any) -> Any:
    """Count up the int64 at an address; return what it was, to one thread alone."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        number = ir.IntType(64)
        place = builder.inttoptr(arguments[0], number.as_pointer())
        return builder.atomic_rmw("add", place, ir.Constant(number, 1), "seq_cst")

    return types.int64(address), generate
