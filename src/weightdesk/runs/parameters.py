"""The recorded parameters: names, shapes, and the addresses of single weights."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

from weightdesk.errors import IndexRangeError, RunFormatError, UnknownParameterError, closest
from weightdesk.types import Index, ParameterName


@dataclass(frozen=True)
class Parameter:
    """A named tensor of the recorded model.

    Attributes:
        name: as `named_parameters()` gives it.
        shape: its shape.
        dtype: such as `"float32"`.
        aliases: further names of the same memory, where weights are tied.
        trainable: whether it required a gradient when the recording began.
        first_step: optimizer steps done when it joined the training, or took this shape and type.
        last_step: optimizer steps done when it was no longer there; None if it stayed to the end.
        earlier_shapes: that it had before.

    >>> fc = Parameter("fc.weight", (10, 64), "float32")
    >>> fc.size, fc.place((1, 3))
    (640, 67)
    """

    name: ParameterName
    shape: tuple[int, ...]
    dtype: str
    aliases: tuple[ParameterName, ...] = ()
    trainable: bool = True
    first_step: int = 0
    last_step: int | None = None
    earlier_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def is_lasting(self) -> bool:
        """Whether it was there from the first step to the last one, in one shape and type."""
        return not self.first_step and self.last_step is None

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    def index(self, index: SupportsIndex | Iterable[SupportsIndex]) -> Index:
        """The index as a tuple without negative entries; a bare number is fine in one dimension.

        Raises:
            IndexRangeError: it does not lie inside the shape.

        >>> Parameter("fc.weight", (10, 64), "float32").index((-1, 3))
        (9, 3)
        """
        given = (index,) if isinstance(index, SupportsIndex) else index
        wanted = tuple(operator.index(each) for each in given)
        fits = all(-size <= each < size for each, size in zip(wanted, self.shape, strict=False))
        if len(wanted) != len(self.shape) or not fits:
            ends = ", ".join(f"0…{size - 1}" if size else "none" for size in self.shape)
            raise IndexRangeError(
                f"index {wanted} lies outside {self.name} of shape {self.shape}: expected ({ends})"
            )
        return tuple(each % size for each, size in zip(wanted, self.shape, strict=True))

    def place(self, index: SupportsIndex | Iterable[SupportsIndex]) -> int:
        """The weight's row-major place in the parameter."""
        place = 0
        for each, size in zip(self.index(index), self.shape, strict=True):
            place = place * size + each
        return place


class Parameters(Mapping[str, Parameter]):
    """The parameters by name, in the model's order; a tied parameter answers to each of its names.

    >>> parameters = Parameters([Parameter("embed.weight", (8, 4), "float32", ("head.weight",))])
    >>> list(parameters), parameters["head.weight"].name
    (['embed.weight'], 'embed.weight')
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._by_name = {parameter.name: parameter for parameter in parameters}
        self._names = {alias: name for name, each in self._by_name.items() for alias in each.aliases}

    def __getitem__(self, name: str) -> Parameter:
        found = self._by_name.get(self._names.get(name, name))
        if found is None:
            known = [*self._by_name, *self._names]
            raise UnknownParameterError(f"no parameter {name!r} in this run; {closest(str(name), known)}")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._by_name or name in self._names

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except UnknownParameterError:
            return default

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Parameters({len(self)} with {sum(each.size for each in self.values()):,} weights)"


def read_parameters(model: Mapping[str, Any], place: str) -> Parameters:
    """The parameters that a manifest's `model` lists; `place` is its file, for the message."""
    try:
        return Parameters(
            Parameter(
                name=each["name"],
                shape=tuple(int(size) for size in each["shape"]),
                dtype=each["dtype"],
                aliases=tuple(each.get("aliases", ())),
                trainable=bool(each.get("trainable", True)),
                first_step=int(each.get("first_step", 0)),
                last_step=each.get("last_step"),
                earlier_shapes=tuple(tuple(form["shape"]) for form in each.get("earlier", ())),
            )
            for each in model.get("parameters", [])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunFormatError(
            f"{place} is damaged: its list of parameters cannot be read ({error!r})"
        ) from None
