"""A forward pass of the whole model for every state: always right; other ways are compared with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_map

from weightdesk.explain.batch import Batch, batch_of
from weightdesk.explain.compiled import as_written
from weightdesk.explain.tracing import arguments
from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State


class ForwardEngine:
    """See `Engine`."""

    name = "a forward pass of the whole model for every turn"
    chunk = 256

    def __init__(self, model: nn.Module, inputs: Any, original: State, reasons: tuple[str, ...] = ()) -> None:
        self.reasons = reasons
        self._forward, self._batch, self._original = Forward(model), batch_of(inputs), original

    def lane(self, examples: slice | Tensor) -> ForwardLane:
        """See `Engine`."""
        return ForwardLane(self._forward, chosen(self._batch, examples), self._original)


class ForwardLane:
    """See `Lane`."""

    def __init__(self, forward: Forward, inputs: Any, original: State) -> None:
        self.count = batch_of(inputs).size
        self._forward, self._inputs, self._original = forward, inputs, original
        self._unedited = forward(inputs, original.values)

    def outputs(self, state: State) -> Any:
        """See `Lane`."""
        if not state.changes_from(self._original):
            return self._unedited
        return self._forward(self._inputs, state.values)


class Forward:
    """Runs a model with given weights; the model, its buffers and torch's random numbers stay as they are.

    Attributes:
        model: in evaluation mode.
        draws: whether it draws random numbers, which are the same in every pass then; None before the first.

    >>> Forward(nn.Linear(2, 1))(torch.ones(3, 2), {"weight": torch.ones(1, 2), "bias": torch.ones(1)})
    tensor([[3.],
            [3.],
            [3.]])
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.draws: bool | None = None
        self._places = _places(model)
        self._lock = Lock()

    def __call__(self, inputs: Any, values: Mapping[ParameterName, Tensor]) -> Any:
        """What the model returns for inputs."""
        placed = {place: values[name] for place, name in self._places.items()}
        # Values stand in the model's own places while it runs: one pass at a time.
        with (
            self._lock,
            torch.no_grad(),
            as_written(),
            nullcontext() if self.draws is False else self._seeded(),
        ):
            # Copies: a model may note something in its buffers as it runs.
            placed |= {name: each.clone() for name, each in self.model.named_buffers()}
            return functional_call(self.model, placed, *arguments(inputs), tie_weights=False)

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Always the same random numbers; takes a millisecond, so it is left out where none are drawn."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            before = torch.get_rng_state()
            yield
            self.draws = bool(self.draws) or not torch.equal(before, torch.get_rng_state())


def _places(model: nn.Module) -> dict[str, ParameterName]:
    """The name of each parameter for each place in which a module holds it.

    A module may be reached by several ways, and a parameter be held by several modules. Torch's own
    replacing of tied weights takes a shared module for several and leaves the values in it.
    """
    names = {id(each): name for name, each in model.named_parameters()}
    return {
        f"{path}.{attribute}" if path else attribute: names[id(parameter)]
        for path, module in model.named_modules()
        for attribute, parameter in module._parameters.items()
        if parameter is not None
    }


def chosen(batch: Batch, examples: slice | Tensor) -> Any:
    """The inputs of some examples; those of a slice are views.

    >>> chosen(batch_of({"x": torch.arange(4), "scale": 2.0}), slice(1, 3))
    {'x': tensor([1, 2]), 'scale': 2.0}
    """
    return tree_map(lambda each: each[examples] if batch.has_examples(each) else each, batch.inputs)
