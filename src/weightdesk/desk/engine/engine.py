"""What answers a turned weight: the interface, and the choice of the quickest way that is right.

Three ways are tried, quickest first. Each is compared with the model itself on some of the examples
before it is taken, with the weights as they are and with all of them moved.

| way | what a turn costs |
| --- | --- |
| `graph/` | the operations downstream of the changed weights, in part where only parts of them change |
| `modules.py` | the modules from the first changed one on, in full |
| `forward.py` | a forward pass |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from torch import Tensor, nn

from weightdesk.desk.engine.forward import ForwardEngine
from weightdesk.desk.engine.graph import GraphEngine
from weightdesk.desk.engine.modules import ModulesEngine
from weightdesk.explain.compiled import uncompiled

if TYPE_CHECKING:
    from weightdesk.desk.state import State

DEFAULT_MEMORY: Final = 2_000_000_000


class Lane(Protocol):
    """Some examples, with what is kept of them.

    Attributes:
        count: number of examples.
    """

    count: int

    def outputs(self, state: State) -> Any:
        """What the model returns for these examples in a state, nested as the model's own output.

        The tensors may be those that the lane keeps: they must not be written to. A state without edits
        gives what the model gave when the lane was made, bit for bit.
        """
        ...


class Engine(Protocol):
    """A way to run a model again after some of its weights changed.

    Attributes:
        name: what it does, for people: "incremental: 41 operations, 18 results kept".
        reasons: why quicker ways were not taken, one line each; empty for the quickest.
        chunk: number of examples after which to take the next ones when all are run, so that work
            stays near the cache and an answer comes soon.
    """

    name: str
    reasons: tuple[str, ...]
    chunk: int

    def lane(self, examples: slice | Tensor) -> Lane:
        """A lane of some examples: a slice, or a tensor of their numbers."""
        ...


def open_engine(
    model: nn.Module,
    inputs: Any,
    original: State,
    *,
    memory: int = DEFAULT_MEMORY,
    incremental: bool = True,
) -> Engine:
    """The quickest engine that gives what the model gives.

    Arguments:
        model: in evaluation mode; it is run, never written to.
        inputs: a tensor, a tuple of positional or a mapping of keyword arguments, examples on axis 0.
        original: the state without edits.
        memory: bytes that all lanes together may keep of intermediate results.
        incremental: whether to look for a quicker way than forward passes, which takes seconds.
    """
    model = uncompiled(model)
    if not incremental:
        return ForwardEngine(model, inputs, original, ("forward passes were asked for",))
    reasons: tuple[str, ...] = ()
    # Whatever a foreign model raises on the way is a reason to take another way.
    try:
        return GraphEngine(model, inputs, original, memory=memory)
    except Exception as error:
        reasons += (f"not operation by operation: {_line(error)}",)
    try:
        return ModulesEngine(model, inputs, original, memory=memory, reasons=reasons)
    except Exception as error:
        reasons += (f"not module by module: {_line(error)}",)
    return ForwardEngine(model, inputs, original, reasons)


def _line(error: Exception) -> str:
    """The first line of what an exception says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
