"""What every way to compute ablations offers: blocks of groups that are cheapest done together."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Engine(Protocol):
    """Computes by how much the loss changes when groups of weights are zeroed."""

    @property
    def name(self) -> str:
        """What is done."""
        ...

    blocks: list[Tensor]
    """Numbers of the groups done together; each group that can change the loss is in one block."""

    def changes(self, block: Tensor) -> Tensor:
        """Change of the loss for each group of a block, in double precision."""
        ...
