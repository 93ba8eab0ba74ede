"""Structures of Thrift's compact protocol, in which Parquet describes its files.

A structure becomes a dictionary from the numbers of its fields to their values. See
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any, Final

Struct = dict[int, Any]

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = frozenset({4, 5, 6})  # of 16, 32 and 64 bits, all written alike
_DEEPEST: Final = 16  # a footer has six levels
_LONGEST_VARINT: Final = 10  # bytes of 64 bits, seven in each


def read_struct(
    data: bytes, at: int = 0, number: int = 0, depth: int = 0, last: int = 0
) -> tuple[Struct, int]:
    """Read a structure from a byte on.

    Arguments:
        data: with the structure in it.
        at: where it begins, or where a field in it begins.
        number: of the field before that one; 0 at the beginning.
        depth: of structures around this one.
        last: number of the field behind which nothing is wanted; 0 for the end of the structure.

    Returns:
        The fields from there on by number, and the place of the first byte behind what was read.

    Raises:
        ValueError: this is no structure of the compact protocol.

    >>> read_struct(bytes([0x15, 0x08, 0x18, 0x02]) + b"ab" + bytes([0]))
    ({1: 4, 2: b'ab'}, 7)
    """
    if depth > _DEEPEST:
        raise ValueError("its footer is nested too deep")
    fields: Struct = {}
    try:
        while head := data[at]:
            kind, at = head & 15, at + 1
            if head >> 4:
                number += head >> 4
            else:
                number, at = _integer(data, at)
            if kind in _INTEGERS:
                # Inlined: two thirds of a footer are integers, and most of them take one or two bytes.
                byte = data[at]
                if byte < 128:
                    fields[number], at = (byte >> 1) ^ -(byte & 1), at + 1
                else:
                    fields[number], at = _integer(data, at)
            elif kind in (_TRUE, _FALSE):
                fields[number] = kind == _TRUE
            else:
                fields[number], at = _value(data, at, kind, depth)
            if number == last:
                return fields, at
    except IndexError:
        raise ValueError("its footer ends too early") from None
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind == _BINARY:
        length, at = _varint(data, at)
        if at + length > len(data):
            raise ValueError("its footer ends too early")
        return data[at : at + length], at + length
    if kind == _STRUCT:
        return read_struct(data, at, depth=depth + 1)
    if kind in (_LIST, _SET):
        return _list(data, at, depth)
    if kind == _BYTE:
        return data[at], at + 1
    if kind == _DOUBLE:
        return data[at : at + 8], at + 8
    if kind in _INTEGERS:
        return _integer(data, at)
    raise ValueError("its footer has a field of an unknown type")


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    head, at = data[at], at + 1
    kind, size = head & 15, head >> 4
    if size == 15:
        size, at = _varint(data, at)
    if at + size > len(data):  # an element has a byte at least
        raise ValueError("its footer ends too early")
    values = []
    for _ in range(size):
        if kind in (_TRUE, _FALSE):  # in lists a byte of its own
            value, at = data[at] == _TRUE, at + 1
        else:
            value, at = _value(data, at, kind, depth)
        values.append(value)
    return values, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = data[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise ValueError("its footer has a number that is too long")


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at
