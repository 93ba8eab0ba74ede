"""Several threads that do one piece of compiled work together.

Torch's own threads wait busily for a while after each operation. A thread of ours would compete
with them for a core and wake up late: so the work is given to them, through the OpenMP library that
torch is linked with. A pool of ours does it where that library has another interface, and in a
forked child: OpenMP does not survive a fork.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

import torch

Work = Callable[[int], None]
"""A compiled function of one address; what lies there says which part of the work is still to do."""


def together(work: Work, address: int, threads: int) -> None:
    """Call a compiled function on several threads at once and wait for all of them.

    Arguments:
        work: a foreign function, such as ctypes makes.
        address: handed to every call.
        threads: how many calls.
    """
    if threads == 1:
        work(address)
    elif _openmp:
        _openmp[0](ctypes.cast(work, ctypes.c_void_p), address, threads, 0)  # type: ignore[arg-type]
    else:
        others = [_pool().submit(work, address) for _ in range(threads - 1)]
        work(address)
        for other in others:
            if not other.cancel():  # a thread that has not even begun has nothing left to do
                other.result()


def join_torch() -> None:
    """Use torch's threads from now on if they can be had: in a forked child at the caller's own risk."""
    parallel = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)
    if parallel is not None:
        parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        parallel.restype = None
        _openmp[:] = [parallel]


def leave_torch() -> None:
    """Use a pool of threads from now on."""
    _openmp.clear()
    _pool.cache_clear()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), "weightdesk-statistics")


_openmp: Final[list[Any]] = []
join_torch()
os.register_at_fork(after_in_child=leave_torch)
