"""Seeing through `torch.compile`: the module that it wrapped, the names in it, its code as it was written."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
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


def as_written() -> AbstractContextManager[Any]:
    """Let run uncompiled whatever was compiled: a model in its place, a part of one, a loss."""
    # The compiler takes seconds to load; where nobody has loaded it nothing is compiled.
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    found: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return found
