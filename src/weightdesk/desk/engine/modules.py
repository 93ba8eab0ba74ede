"""Keeps what the modules before the first changed one returned, where a model cannot be exported.

A pass with the original weights is recorded. In a turn, modules that had returned before any changed
parameter was first read return the same again without running: neither they nor what leads to them read it.
All other code runs, so that it may decide by the data what to do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from weightdesk.desk.engine.comparison import agree, moved
from weightdesk.desk.engine.forward import Forward, chosen
from weightdesk.desk.engine.recording import Call, Recording, copy_of, recorded
from weightdesk.desk.nesting import leaves_of
from weightdesk.explain.batch import batch_of
from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State

_CHECKED: Final = 48


class ModulesEngine:
    """See `Engine`."""

    chunk = 256

    def __init__(
        self, model: nn.Module, inputs: Any, original: State, *, memory: int, reasons: tuple[str, ...] = ()
    ) -> None:
        """Record the model on a few examples and compare.

        Raises:
            ArithmeticError: it does not give the same that way.
        """
        self.reasons = reasons
        self._model, self._batch, self._original = model, batch_of(inputs), original
        self._forward, self._memory = Forward(model), memory
        # Modules are replaced as they run, so that one lane runs at a time.
        self._lock = RLock()
        self._copied: frozenset[nn.Module] = frozenset()
        few = self._batch.take(inputs, range(min(2, self._batch.size)))
        first = self._record(few)[1]
        if self._forward.draws:
            raise ArithmeticError("the model draws random numbers")
        self._copied = frozenset(call.module for call in first.calls if call.is_overwritten())
        self._check(few)
        self.name = f"from the first changed module on: {len(first.calls)} modules kept"

    def lane(self, examples: slice | Tensor) -> ModulesLane:
        """See `Engine`."""
        return ModulesLane(self, chosen(self._batch, examples), self._original)

    def _check(self, inputs: Any) -> None:
        lane = ModulesLane(self, inputs, self._original)
        names = list(self._original.values)
        for name in names[:: 1 + len(names) // _CHECKED]:
            values = {**self._original.values, name: moved(self._original.values[name])}
            found, expected = (
                leaves_of(each) for each in (lane.run(values, [name]), self._forward(inputs, values))
            )
            if not agree(found, expected):
                raise ArithmeticError(f"modules before the one with {name} do not return the same again")

    def _record(self, inputs: Any) -> tuple[Any, Recording]:
        with self._lock, recorded(self._model, self._original.values, self._copied) as recording:
            outputs = self._forward(inputs, self._original.values)
        return outputs, recording

    def record(self, inputs: Any) -> tuple[Any, Recording]:
        """Outputs and recording of the original weights; calls that fit into the share of memory."""
        outputs, recording = self._record(inputs)
        share = self._memory * batch_of(inputs).size // max(self._batch.size, 1)
        recording.calls = list(_fitting(recording.calls, share))
        return outputs, recording

    def again(self, inputs: Any, values: Mapping[ParameterName, Tensor], calls: list[Call]) -> Any:
        """Run the model, in which some modules return what they did."""
        with self._lock, _replaced(calls, self._copied):
            return self._forward(inputs, values)


class ModulesLane:
    """See `Lane`."""

    def __init__(self, engine: ModulesEngine, inputs: Any, original: State) -> None:
        self.count = batch_of(inputs).size
        self._engine, self._inputs, self._original = engine, inputs, original
        self._unedited, self._recording = engine.record(inputs)

    def outputs(self, state: State) -> Any:
        """See `Lane`."""
        changes = state.changes_from(self._original)
        return self.run(state.values, list(changes)) if changes else self._unedited

    def run(self, values: Mapping[ParameterName, Tensor], changed: list[ParameterName]) -> Any:
        """The outputs with values of which some differ from the original ones."""
        first = min((self._recording.first_read.get(name, math.inf) for name in changed), default=math.inf)
        calls = [call for call in self._recording.calls if call.ended < first]
        return self._engine.again(self._inputs, values, calls)


def _fitting(calls: list[Call], memory: int) -> Iterator[Call]:
    """The outermost modules first; a tensor that several return counts once."""
    held: set[int] = set()
    for call in sorted(calls, key=lambda each: each.depth):
        fresh = {
            each.untyped_storage().data_ptr(): each.untyped_storage().nbytes()
            for each in tree_leaves(call.result)
            if isinstance(each, Tensor)
        }
        size = sum(nbytes for pointer, nbytes in fresh.items() if pointer not in held)
        if size <= memory:
            memory -= size
            held.update(fresh)
            yield call


@contextmanager
def _replaced(calls: list[Call], copied: frozenset[nn.Module]) -> Iterator[None]:
    """Let modules return what they did; a copy where the network goes on in place."""
    changed = []
    try:
        for call in calls:
            if "forward" not in vars(call.module):
                call.module.forward = _Returned(call.result, copied=call.module in copied)
                changed.append(call.module)
        yield
    finally:
        for module in changed:
            del module.forward


class _Returned:
    def __init__(self, result: Any, *, copied: bool) -> None:
        self._result, self._copied = result, copied

    def __call__(self, *_: Any, **__: Any) -> Any:
        return copy_of(self._result) if self._copied else self._result
