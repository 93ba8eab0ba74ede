"""One operation of the exported network, ready to run on whichever values its operands have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Slot: TypeAlias = int
"""Number of a value in the network: a parameter, a buffer, an input or the result of an operation."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Stands for the value of a slot in an operation's arguments."""

    slot: Slot


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """An operation.

    Attributes:
        slot: of its result.
        function: computes it.
        arguments: in order, with an `Operand` where a value goes, also in lists.
        keywords: the same by name.
        operands: slots that it reads, without repeats.
    """

    slot: Slot
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    operands: tuple[Slot, ...]

    def run(self, value: Callable[[Slot], Any]) -> Any:
        """The result, with operands from a function that gives the value of a slot."""
        arguments = [
            value(each.slot) if type(each) is Operand else filled(each, value) if type(each) is list else each
            for each in self.arguments
        ]
        if not self.keywords:
            return self.function(*arguments)
        return self.function(*arguments, **{key: filled(each, value) for key, each in self.keywords.items()})

    def argument(self, place: int, name: str, otherwise: Any = None) -> Any:
        """An argument given by position or name."""
        if place < len(self.arguments):
            return self.arguments[place]
        return self.keywords.get(name, otherwise)


def make_step(slot: Slot, function: Callable[..., Any], arguments: Any, keywords: Any) -> Step:
    """A step that knows which slots it reads.

    >>> make_step(2, max, (Operand(0), Operand(1)), {}).run({0: 5, 1: 7}.get)
    7
    """
    found: dict[Slot, None] = {}
    arguments, keywords = _plain(arguments, found), _plain(keywords, found)
    return Step(slot, function, tuple(arguments), keywords, tuple(found))


def filled(argument: Any, value: Callable[[Slot], Any]) -> Any:
    """An argument with values in place of operands."""
    kind = type(argument)
    if kind is Operand:
        return value(argument.slot)
    if kind is list or kind is tuple:
        return kind(filled(each, value) for each in argument)
    return argument


def _plain(argument: Any, found: dict[Slot, None]) -> Any:
    """The same in Python's own containers; notes the slots."""
    if isinstance(argument, Operand):
        found[argument.slot] = None
        return argument
    if isinstance(argument, dict):
        return {key: _plain(each, found) for key, each in argument.items()}
    if isinstance(argument, (list, tuple)):
        return (list if isinstance(argument, list) else tuple)(_plain(each, found) for each in argument)
    return argument
