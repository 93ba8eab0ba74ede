"""Seeing through `torch.compile`: the module that it wrapped, the names in it, its code as it was written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any, Final

import torch
from torch import nn

from weightdesk.types import ParameterName

_WRAPPED: Final = "_orig_mod"


def uncompiled(model: nn.Module) -> nn.Module:
    """The module that was compiled; any other is returned as it is."""
    return getattr(model, _WRAPPED, model)


def plain_name(name: str) -> ParameterName:
    """The name of a parameter without what `torch.compile` puts into it.

    >>> plain_name("_orig_mod.0.weight"), plain_name("blocks.1._orig_mod.bias")
    ('0.weight', 'blocks.1.bias')
    """
    return ".".join(part for part in name.split(".") if part != _WRAPPED)


@contextmanager
def as_written() -> Iterator[None]:
    """Let run uncompiled whatever was compiled: a model in its place, a part of one, a loss."""
    # The compiler takes seconds to load; where nobody has loaded it nothing is compiled.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    _UNCOMPILED.enter()
    try:
        yield
    finally:
        _UNCOMPILED.leave()


class _Uncompiled:
    """The compiler's stance is one for all threads: the first that comes sets it, the last restores it."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._stance: AbstractContextManager[Any] = nullcontext()

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._stance = torch.compiler.set_stance("force_eager")
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._stance.__exit__(None, None, None)


_UNCOMPILED: Final = _Uncompiled()
