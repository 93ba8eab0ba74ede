"""Which weights are meant: a parameter and an index into it, a unit of a layer, an attention head.

| written | in Python | what it is |
| --- | --- | --- |
| `fc.weight[3,17]` | `"fc.weight", (3, 17)` | one weight |
| `fc.weight[3]` | `"fc.weight", 3` | a row: what one unit reads |
| `proj.weight[:,64:128]` | `"proj.weight", (slice(None), slice(64, 128))` | columns |
| `conv1.weight[5,2]` | `"conv1.weight", (5, 2)` | a kernel |
| `conv1[5]` | `"conv1", 5` | a unit: row 5 of all that the layer itself holds |
| `attn[head 2/8]` | `"attn", Head(2)` | an attention head |
| `fc` | `"fc"` | a layer, or a block, with all its parameters |
| `*` | `None` | the whole network |

Every tied name means the one tensor, and negative places count from the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from torch import nn

from weightdesk.desk.heads import Head, head_outputs, head_parts
from weightdesk.desk.parts import ALL, Entry, GivenIndex, Part, Span, entries_of, index_text, index_within
from weightdesk.errors import OptionError, UnknownParameterError, closest
from weightdesk.explain.compiled import plain_name
from weightdesk.runs import Parameter, Parameters

Unit: TypeAlias = GivenIndex | Head | None
"""Which weights of a parameter or layer; None for all of them."""

_EVERYTHING: Final = "*"
_PLACE: Final = re.compile(r"\s*([^\s\[\]]+)\s*(?:\[([^\[\]]+)\])?\s*")
_HEAD: Final = re.compile(r"\s*head\s+(-?\d+)\s*(?:/\s*(\d+)\s*)?")
_SPAN: Final = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)\s*)?")
_EXAMPLES: Final = "fc.weight[3,17], conv1[5], proj.weight[:,64:128], attn[head 2/8] or fc"


@dataclass(frozen=True)
class Place:
    """Some weights of a network, by names.

    Attributes:
        name: of a parameter or a module; empty for the whole network.
        index: for each leading axis a place or a span, or a head; empty for all.

    >>> place = Place.parse("fc.weight[-1, 2:4]")
    >>> fc = Parameter("fc.weight", (10, 64), "float32")
    >>> str(place), str(place.within(Parameters([fc])))
    ('fc.weight[-1,2:4]', 'fc.weight[9,2:4]')
    """

    name: str
    index: tuple[Entry, ...] | Head = ()

    @classmethod
    def of(cls, name: str | None, unit: Unit = None) -> Place:
        """The place that Python's forms mean.

        >>> str(Place.of("conv1", 5)), str(Place.of(None))
        ('conv1[5]', '*')
        """
        if unit is None or isinstance(unit, Head):
            return cls(name or "", unit or ())
        try:
            return cls(name or "", entries_of(unit))
        except TypeError:
            raise OptionError(
                f"a unit of {name} is a whole number, a slice, several of these or a Head, got {unit!r}"
            ) from None

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that is written.

        Raises:
            OptionError: the text is no place.

        >>> Place.parse("attn[head 2/8]")
        Place(name='attn', index=Head(number=2, of=8))
        """
        found = _PLACE.fullmatch(text)
        if not found:
            raise OptionError(f"{text!r} names no weights; write {_EXAMPLES}")
        name = "" if found[1] == _EVERYTHING else found[1]
        if found[2] is None:
            return cls(name)
        head = _HEAD.fullmatch(found[2])
        if head:
            return cls(name, Head(int(head[1]), int(head[2]) if head[2] else None))
        return cls(name, tuple(_entry(each, text) for each in found[2].split(",")))

    def __str__(self) -> str:
        index = str(self.index) if isinstance(self.index, Head) else index_text(self.index)
        return (self.name or _EVERYTHING) + (f"[{index}]" if index else "")

    def within(self, parameters: Parameters) -> Place:
        """The same place as these parameters know it: by its first name, without negative entries.

        Raises:
            UnknownParameterError: there is neither a parameter nor a module of this name.
            IndexRangeError: the index lies outside.
            OptionError: the module has no such units.
        """
        name = plain_name(self.name)
        if isinstance(self.index, Head):
            place = Place(name, self.index.within(name))
            place.outputs(parameters)
            return place
        if name in parameters:
            return Place(parameters[name].name, index_within(parameters[name], self.index))
        index = [index_within(each, self.index) for each in _members(name, self.index, parameters)]
        return Place(name, index[0] or ((ALL,) if self.index else ()))

    def parts(self, parameters: Parameters) -> tuple[Part, ...]:
        """All weights that belong here, for a place that lies within the parameters.

        >>> conv = [Parameter("c.weight", (8, 3, 3, 3), "float32"), Parameter("c.bias", (8,), "float32")]
        >>> Place.parse("c[5]").parts(Parameters(conv))
        (Part(parameter='c.weight', index=(5,)), Part(parameter='c.bias', index=(5,)))
        """
        if isinstance(self.index, Head):
            return head_parts(self.name, self.index, parameters)
        if self.name in parameters:
            return (Part(parameters[self.name].name, self.index),)
        return tuple(Part(each.name, self.index) for each in _members(self.name, self.index, parameters))

    def outputs(self, parameters: Parameters) -> tuple[Part, ...]:
        """The weights through which the place is heard: of a head its columns of the output projection."""
        if isinstance(self.index, Head):
            return head_outputs(self.name, self.index, parameters)
        return self.parts(parameters)


def place_in(model: nn.Module, name: str | None, unit: Unit = None) -> Place:
    """The place that Python's forms mean in a model, which knows how many heads an attention has.

    Raises:
        OptionError: the unit is none, or the module's units do not lie on the first axis.

    >>> str(place_in(nn.Sequential(nn.MultiheadAttention(8, 2)), "0", Head(1)))
    '0[head 1/2]'
    """
    place = Place.of(name, unit)
    module = dict(_plain_modules(model)).get(plain_name(place.name))
    if isinstance(place.index, Head):
        heads = place.index.of or getattr(module, "num_heads", None)
        return Place(place.name, Head(place.index.number, heads))
    # A transposed convolution keeps its output channels on the second axis, so rows are not its units.
    if place.index and isinstance(module, nn.modules.conv._ConvTransposeNd):
        raise OptionError(
            f"the units of the transposed convolution {name} lie on the second axis of its weight; "
            f"name {name}.weight[:,{index_text(place.index)}] and {name}.bias[{index_text(place.index)}]"
        )
    return place


def _plain_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(plain_name(name), each) for name, each in model.named_modules(remove_duplicate=False)]


def _entry(text: str, whole: str) -> Entry:
    if re.fullmatch(r"\s*-?\d+\s*", text):
        return int(text)
    span = _SPAN.fullmatch(text)
    if not span or span[3] == "0":
        raise OptionError(f"{text.strip()!r} in {whole!r} is no index; write {_EXAMPLES}")
    start, stop, step = (None if each is None else int(each) for each in span.groups())
    return Span(start, stop, step or 1)


def _members(name: str, index: tuple[Entry, ...], parameters: Parameters) -> list[Parameter]:
    """The parameters of a module: all that lie in it, or, where units are meant, those it holds itself."""
    prefix = f"{name}." if name else ""
    inside = {
        alias.removeprefix(prefix): each
        for each in parameters.values()
        for alias in (each.name, *each.aliases)
        if alias.startswith(prefix)
    }
    if not inside:
        raise UnknownParameterError(f"no parameter or module {name!r}; {closest(name, _names(parameters))}")
    if index:
        inside = {alias: each for alias, each in inside.items() if "." not in alias}
        _check_units(name, index, list(inside.values()))
    return list({each.name: each for each in inside.values()}.values())


def _check_units(name: str, index: tuple[Entry, ...], held: list[Parameter]) -> None:
    called = name or "the network"
    if not held:
        raise OptionError(f"{called} holds no weights itself; name one of the layers in it")
    if len(index) > 1:
        raise OptionError(
            f"[{index_text(index)}] of {called} is no unit; expected one number, or name {held[0].name}"
        )
    if len({each.shape[:1] for each in held}) > 1 or not held[0].shape:
        shapes = ", ".join(f"{each.name} {each.shape}" for each in held)
        raise OptionError(f"{called} has no units: its parameters differ in length ({shapes}); name one")


def _names(parameters: Parameters) -> set[str]:
    """All names of parameters, and of the modules that hold them."""
    names = {alias for each in parameters.values() for alias in (each.name, *each.aliases)}
    parts = [name.split(".") for name in names]
    return names | {".".join(each[:end]) for each in parts for end in range(1, len(each))}
