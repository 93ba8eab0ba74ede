"""Attention heads: which weights belong to one, and which of them carry what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from weightdesk.desk.parts import ALL, Part, Span
from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError
from weightdesk.runs import Parameter, Parameters

_PROJECTIONS: Final = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


@dataclass(frozen=True)
class Head:
    """An attention head by its number.

    Attributes:
        number: from 0; a negative one counts from the last.
        of: how many heads there are; None where the module itself knows it.

    >>> str(Head(2, of=8))
    'head 2/8'
    """

    number: int
    of: int | None = None

    def __str__(self) -> str:
        return f"head {self.number}" + ("" if self.of is None else f"/{self.of}")

    def within(self, name: str) -> Head:
        """The head without a negative number.

        Raises:
            OptionError: it is not known how many heads there are.
            IndexRangeError: there is no such head.

        >>> Head(-1, of=8).within("attn")
        Head(number=7, of=8)
        """
        if self.of is None or self.of < 1:
            raise OptionError(f"{name} does not tell how many heads it has; write Head({self.number}, of=8)")
        if not -self.of <= self.number < self.of:
            raise IndexRangeError(f"head {self.number} does not exist in {name}: expected 0…{self.of - 1}")
        return Head(self.number % self.of, self.of)


def head_outputs(name: str, head: Head, parameters: Parameters) -> tuple[Part, ...]:
    """The columns of the output projection that read a head: without them exactly its share is gone.

    Arguments:
        name: an `nn.MultiheadAttention`; for any other attention its output projection, by the name of
            the module or of its weight, whose columns are the heads one after the other.
        head: which one.
        parameters: of the network.

    >>> proj = Parameter("attn.proj.weight", (16, 32), "float32")
    >>> head_outputs("attn.proj", Head(1, of=4), Parameters([proj]))[0].index[1]
    Span(start=8, stop=16, step=1)
    """
    weight = _output_projection(name, parameters)
    return (Part(weight.name, (ALL, _block(weight, 1, head))),)


def head_parts(name: str, head: Head, parameters: Parameters) -> tuple[Part, ...]:
    """All weights of a head: its rows of the projections to queries, keys and values, and its outputs.

    Of an attention that is not an `nn.MultiheadAttention` only the outputs are known.

    >>> from torch import nn
    >>> attn = nn.MultiheadAttention(8, 2)
    >>> known = [Parameter(name, tuple(each.shape), "float32") for name, each in attn.named_parameters()]
    >>> [part.parameter for part in head_parts("", Head(0, of=2), Parameters(known))][:3]
    ['in_proj_weight', 'in_proj_weight', 'in_proj_weight']
    """
    return (*_inputs(f"{name}." if name else "", head, parameters), *head_outputs(name, head, parameters))


def _inputs(prefix: str, head: Head, parameters: Parameters) -> Iterator[Part]:
    for name in ("in_proj_weight", "in_proj_bias"):
        if prefix + name in parameters:  # queries, keys and values one below the other
            stacked = parameters[prefix + name]
            for third in range(3):
                yield Part(stacked.name, (_block(stacked, 0, head, third, 3),))
    for name in _PROJECTIONS:
        if prefix + name in parameters:
            weight = parameters[prefix + name]
            yield Part(weight.name, (_block(weight, 0, head),))
    for name in ("bias_k", "bias_v"):
        if prefix + name in parameters:
            bias = parameters[prefix + name]
            yield Part(bias.name, (ALL, ALL, _block(bias, 2, head)))


def _output_projection(name: str, parameters: Parameters) -> Parameter:
    prefix = f"{name}." if name else ""
    for candidate in (name, f"{prefix}out_proj.weight", f"{prefix}weight"):
        if candidate in parameters and len(parameters[candidate].shape) == 2:
            return parameters[candidate]
    raise UnknownParameterError(
        f"{name or 'the network'} has no heads that are known: name an nn.MultiheadAttention, or the weight "
        "of an attention's output projection, such as attn.proj.weight"
    )


def _block(parameter: Parameter, axis: int, head: Head, third: int = 0, thirds: int = 1) -> Span:
    """The head's places on an axis that holds all heads, possibly for queries, keys and values."""
    heads = (head.of or 1) * thirds
    width, rest = divmod(parameter.shape[axis], heads)
    if rest or not width:
        raise OptionError(
            f"{parameter.name} of shape {parameter.shape} cannot hold {head.of} heads: "
            f"axis {axis} must be a multiple of {heads}"
        )
    start = (third * (head.of or 1) + head.number) * width
    return Span(start, start + width)
