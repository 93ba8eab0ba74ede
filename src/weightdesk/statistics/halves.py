"""bfloat16 and float16, which processors do not compute with, as wider numbers."""

from __future__ import annotations

import numpy as np
from numba import njit

from weightdesk.statistics.addresses import COMPILED


@njit(**COMPILED)
def widen_bfloat16(half, unsigned):
    """Write bfloat16 values as the bits of float32 values: the same with zeros behind."""
    for i in range(half.size):
        unsigned[i] = np.uint32(half[i]) << np.uint32(16)


@njit(**COMPILED)
def widen_float16(half, unsigned):
    """Write float16 values as the bits of float32 values."""
    # Multiplying by 2¹¹² moves the exponent's bias from 15 to 127 and normalises denormals.
    values = unsigned.view(np.float32)
    for i in range(half.size):
        unsigned[i] = np.uint32(half[i] & np.uint16(0x7FFF)) << np.uint32(13)
        values[i] *= np.float32(2.0**112)
        if half[i] & np.uint16(0x7C00) == np.uint16(0x7C00):
            unsigned[i] |= np.uint32(0x7F800000)
        unsigned[i] |= np.uint32(half[i] & np.uint16(0x8000)) << np.uint32(16)


@njit(**COMPILED)
def decode_half(word, mantissa_bits, exponent_bits):
    """Value of a 16-bit float."""
    mantissa = np.float64(word & np.uint16((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    exponent = np.int64(word >> np.uint16(mantissa_bits)) & ((1 << exponent_bits) - 1)
    sign = -1.0 if word >> np.uint16(15) else 1.0
    bias = (1 << (exponent_bits - 1)) - 1
    if exponent == (1 << exponent_bits) - 1:
        return np.nan if mantissa else sign * np.inf
    if exponent == 0:
        return sign * mantissa * 2.0 ** (1 - bias)
    return sign * (1.0 + mantissa) * 2.0 ** (exponent - bias)
