"""Outputs of the whole probe set, as they come in."""

from __future__ import annotations

from typing import Any

from jaxtyping import Int64
from torch import Tensor

from weightdesk.desk.nesting import tensors_of, with_tensors
from weightdesk.desk.outcomes.examples import Examples


class Gathered:
    """Takes the outputs of some examples after another; what has come in is never written again.

    >>> import torch
    >>> from weightdesk.desk.engine.forward import Forward
    >>> from weightdesk.desk.outcomes.examples import find_examples
    >>> inputs = torch.tensor([[5.0], [6.0]])
    >>> gathered = Gathered(find_examples(Forward(torch.nn.Identity()), inputs, {}))
    >>> gathered.put(torch.tensor([1]), inputs[1:])
    >>> gathered.of(torch.tensor([1]))
    tensor([[6.]])
    """

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._nesting: Any = None
        self._tensors: list[Tensor] | None = None

    def put(self, chosen: Int64[Tensor, " chosen"], outputs: Any) -> None:
        """Take what the model returned for these examples."""
        tensors = tensors_of(outputs)
        if self._tensors is None:
            self._nesting, self._tensors = outputs, [self._room(*each) for each in self._paired(tensors)]
        for room, (each, own) in zip(self._tensors, self._paired(tensors), strict=True):
            if own:
                room.index_copy_(0, chosen.to(room.device), each)

    def of(self, chosen: Int64[Tensor, " chosen"]) -> Any:
        """The outputs of these examples, nested as the model's own."""
        return self._examples.outputs_of(self.whole(), chosen)

    def whole(self) -> Any:
        """The outputs of all examples in their order; call when all have come in."""
        assert self._tensors is not None
        return with_tensors(self._nesting, self._tensors)

    def _room(self, tensor: Tensor, own: bool) -> Tensor:
        return tensor.new_empty((self._examples.count, *tensor.shape[1:])) if own else tensor.clone()

    def _paired(self, tensors: list[Tensor]) -> list[tuple[Tensor, bool]]:
        return list(zip(tensors, self._examples.owned, strict=True))
