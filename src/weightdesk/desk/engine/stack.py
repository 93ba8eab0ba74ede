"""Some examples for many values of one weight: the interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from jaxtyping import Float, Int64
from torch import Tensor

from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State

Turned: TypeAlias = Callable[[float], "State"]
"""Gives the state with the weight at a value."""


@dataclass(frozen=True, eq=False)
class Rows:
    """A run: for each row which value and which example it is, by number, and what the model returned."""

    values: Int64[Tensor, " rows"]
    examples: Int64[Tensor, " rows"]
    outputs: Any


class Stack(Protocol):
    """Some examples around one state."""

    def run(self, values: Float[Tensor, " values"], turned: Turned, chunk: int) -> Iterator[Rows]:
        """Run all examples for all values.

        Arguments:
            values: of the weight, all finite.
            turned: gives the state with the weight at a value.
            chunk: number of rows to run at a time.
        """
        ...

    def moved(self, directions: Mapping[ParameterName, Tensor], shift: Tensor) -> Any:
        """What the model returns with parameters moved; derivatives by the shift can be taken.

        Arguments:
            directions: for each parameter that is moved.
            shift: how far, a scalar.
        """
        ...
