"""The kernels as machine code: compiled once on a machine, loaded in milliseconds ever after.

Importing Numba and what it needs takes longer than everything else that a recording does at its
start, so a training process does not import it. The first process on a machine does: it compiles
the kernels for this very processor and keeps the object code, named by everything that it depends
on. Later processes hand that to LLVM's linker and call it through ctypes, which lets other threads
run meanwhile.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import llvmlite
import llvmlite.binding as llvm

from weightdesk.statistics.codecache import cache_folders, find_code, keep_code

_ARGUMENTS: Final = {"describe_chunks": 1, "merge_chunks": 5, "gather": 7}
_SOURCES: Final = ("addresses.py", "blocks.py", "halves.py", "kernels.py", "lanes.py", "layout.py")
_PATIENCE: Final = 1.0
"""Seconds of silence before the user is told why it takes so long."""

Kernel = Callable[..., None]


def load() -> dict[str, Kernel]:
    """The kernels by name; each takes addresses and lengths as whole numbers.

    >>> sorted(load())
    ['describe_chunks', 'gather', 'merge_chunks']
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_STUBS), _target())
    _engines.append(engine)
    code = find_code(cache_folders(), _code_name()) or _compile()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return {
        name: ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * count)(engine.get_function_address(_symbol(name)))
        for name, count in _ARGUMENTS.items()
    }


_engines: Final[list[Any]] = []  # the code lives as long as its engine

# Numba's code refers to its run-time library where it would raise an exception. The kernels raise
# none, but the linker wants to know every name.
_STUBS: Final = "\n".join(
    f"define void @{name}() {{ unreachable }}"
    for name in (
        "numba_gil_ensure", "numba_gil_release", "numba_unpickle", "numba_do_raise",
        "numba_runtime_build_excinfo_struct", "NRT_Free", "NRT_MemInfo_call_dtor",
    )
)  # fmt: skip


def _symbol(name: str) -> str:
    return f"weightdesk_{name}"


def _target() -> Any:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


def _code_name() -> str:
    """Name of the object code: everything that it depends on."""
    told = hashlib.sha256()
    for source in _SOURCES:
        told.update(Path(__file__).with_name(source).read_bytes())
    host = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), sys.platform)
    told.update(repr((llvmlite.__version__, version("numba"), *host)).encode())
    return f"kernels-{told.hexdigest()[:16]}.o"


def _compile() -> bytes:
    with _announced("weightdesk compiles its kernels, once on this machine (about 10 s) …"):
        from numba import cfunc, types

        from weightdesk.statistics import kernels

        module = llvm.parse_assembly("")
        for function in kernels.ENTRY_POINTS:
            signature = types.void(*[types.intp] * _ARGUMENTS[function.__name__])
            made = cfunc(signature, nopython=True, error_model="numpy")(function)
            text = made.inspect_llvm().replace(made.native_name, _symbol(function.__name__))
            module.link_in(llvm.parse_assembly(text))
        code: bytes = _target().emit_object(module)
    keep_code(cache_folders(), _code_name(), code)
    return code


@contextmanager
def _announced(message: str) -> Iterator[None]:
    """Say something if a block takes longer than a moment."""
    timer = threading.Timer(_PATIENCE, print, (message,), {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
