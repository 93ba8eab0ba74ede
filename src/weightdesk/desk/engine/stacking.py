"""Some examples for many values of one weight: as rows of one run where the engine can, else one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call

from weightdesk.desk.engine.engine import Engine
from weightdesk.desk.engine.forward import chosen
from weightdesk.desk.engine.graph import GraphEngine
from weightdesk.desk.engine.graph.stacked import Stacked
from weightdesk.desk.engine.stack import Rows, Stack, Turned
from weightdesk.explain.batch import Batch
from weightdesk.explain.compiled import as_written
from weightdesk.explain.tracing import arguments
from weightdesk.types import Index, ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State


def open_stack(
    engine: Engine,
    model: nn.Module,
    batch: Batch,
    examples: Int64[Tensor, " examples"],
    state: State,
    weight: tuple[ParameterName, Index],
    outputs: Any,
) -> Stack:
    """Some examples, ready to be run for many values of a weight.

    Arguments:
        engine: runs the model after a turn.
        model: the same, in evaluation mode.
        batch: all examples.
        examples: numbers of those meant, sorted.
        state: around which the weight is turned.
        weight: its parameter and index.
        outputs: what the model returns for any examples.
    """
    if isinstance(engine, GraphEngine) and engine.folds is not None:
        return Stacked(engine, examples, state, weight, outputs)
    return Looped(engine, model, batch, examples, state)


class Looped:
    """Value by value, as turns; see `Stack`.

    Arguments:
        engine: runs the model after a turn.
        model: the same.
        batch: all examples.
        examples: numbers of those meant.
        state: around which the weight is turned.
    """

    def __init__(
        self,
        engine: Engine,
        model: nn.Module,
        batch: Batch,
        examples: Int64[Tensor, " examples"],
        state: State,
    ) -> None:
        self._engine, self._model, self._state = engine, model, state
        self._batch, self._examples = batch, examples

    def run(self, values: Float[Tensor, " values"], turned: Turned, chunk: int) -> Iterator[Rows]:
        """See `Stack`."""
        for some in torch.split(self._examples, chunk):
            lane = self._engine.lane(some)
            for number, value in enumerate(values.tolist()):
                rows = torch.full((len(some),), number)
                yield Rows(rows, torch.searchsorted(self._examples, some), lane.outputs(turned(value)))

    def moved(self, directions: Mapping[ParameterName, Tensor], shift: Tensor) -> Any:
        """See `Stack`."""
        buffers = {name: each.clone() for name, each in self._model.named_buffers()}
        values = dict(self._state.values)
        for name, direction in directions.items():
            values[name] = values[name] + shift * direction
        inputs = chosen(self._batch, self._examples)
        with as_written(), torch.random.fork_rng():
            torch.manual_seed(0)
            return functional_call(self._model, {**buffers, **values}, *arguments(inputs))
