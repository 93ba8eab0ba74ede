"""What modules give while a network runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from weightdesk.errors import OptionError


@contextmanager
def listening(network: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Gather what these modules give, by their names in the order in which they run; their last, if several.

    Raises:
        OptionError: there is no such module.
    """
    found: dict[str, Tensor] = {}
    known = dict(network.named_modules())

    def gather(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found[name] = output.clone()  # an activation in place would overwrite it

        return hook

    handles = []
    try:
        for name in names:
            if name not in known:
                there = ", ".join(filter(None, known))
                raise OptionError(f"there is no module {name!r}: the network has {there}")
            handles.append(known[name].register_forward_hook(gather(name)))
        yield found
    finally:
        for handle in handles:
            handle.remove()
