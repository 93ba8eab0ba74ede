"""In which order pictures lie in memory: channels last, in which torch's convolutions and pools run quickest.

Measured on one core, 16 pictures of 32 channels, 32×32: a convolution to 64 channels 5.9 ms against 10.6,
a pool of its result 0.8 ms against 6.3.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from weightdesk.desk.engine.graph.exporting import Network
from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.step import Operand, Slot


class Layout:
    """Rearranges what enters a network; for one without convolutions of pictures everything stays.

    Attributes:
        weights: slots of the weights of convolutions.
    """

    def __init__(self, network: Network, *, wanted: bool = True) -> None:
        found = [
            step.arguments[1] for step in network.steps if step.function is torch.ops.aten.conv2d.default
        ]
        strided = any(operation(step.function) == "as_strided" for step in network.steps)
        self.wanted = wanted and bool(found) and not strided
        self.weights = {each.slot for each in found if isinstance(each, Operand)} if self.wanted else set()
        self._known: Any = WeakTensorKeyDictionary()
        self._lock = Lock()

    def of_input(self, leaf: Any) -> Any:
        """A leaf of the inputs."""
        return _rearranged(leaf) if self.wanted and isinstance(leaf, Tensor) and leaf.ndim == 4 else leaf

    def of_parameter(self, slot: Slot, value: Tensor) -> Tensor:
        """A parameter; that of a tensor which was asked for before is found again."""
        if slot not in self.weights:
            return value
        with self._lock:
            found = self._known.get(value)
            if found is None:
                found = self._known[value] = _rearranged(value)
        rearranged: Tensor = found
        return rearranged


def _rearranged(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)
