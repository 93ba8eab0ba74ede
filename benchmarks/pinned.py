"""Processes whose memory allocator does not flatter anybody.

As glibc's allocator comes, a large tensor is mapped anew and given back each time, and every page of it
faults. A recorder's own allocations move its thresholds, so the *watched* training faults less and a
benchmark shows recording to be free. Fixed thresholds make both alike.
"""

from __future__ import annotations

import os
import sys

_THRESHOLD = str(1 << 30)
PINNED = {"MALLOC_MMAP_THRESHOLD_": _THRESHOLD, "MALLOC_TRIM_THRESHOLD_": _THRESHOLD}


def environment(threads: int | None = None) -> dict[str, str]:
    """Of a process with so many threads; as many as there are cores if it is None."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    return inherited | PINNED | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})


def pin() -> None:
    """Begin this script again with a pinned allocator, which is only read when a process begins."""
    if any(os.environ.get(name) != value for name, value in PINNED.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PINNED})
