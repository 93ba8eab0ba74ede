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


def work_alone() -> None:
    """Let torch's operations in the calling thread, which must not be the training's, run in it alone.

    The first parallel operation in a further thread gives it an OpenMP team of its own. The process
    then has more such threads than the machine has cores, and libgomp no longer lets any of them wait
    busily: measured, every operation of a training on two threads takes 1.4 times as long, for good.
    `torch.set_num_threads` would hold all threads of the process, the training's among them. Each of
    the two libraries has a setting of the calling thread; where one is missing, it has no such team.
    """
    torch.get_num_threads()  # sets up this thread; its first operation would otherwise undo what follows
    library = ctypes.CDLL(torch._C.__file__)
    for name in ("omp_set_num_threads", "MKL_Set_Num_Threads_Local"):
        setting = getattr(library, name, None)
        if setting is not None:
            setting.argtypes, setting.restype = (
                [ctypes.c_int],
                None if name.startswith("omp") else ctypes.c_int,
            )
            setting(1)


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
