"""Bins and moments of float32 values in one loop, sixteen values at a time.

Counting is bound by stores to the tables, moments by vector arithmetic. In two loops, even over
the same block in the cache, the one waits while the other works; in one loop the processor does
both at once, in three quarters of the time. No compiler vectorises a loop that counts, so this one
is put together from LLVM's vector instructions. That fixes the order of every sum, too: its bits
are the same on every processor.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from weightdesk.statistics.layout import BINS, LANES, STRIDE, TABLES

_I32, _I64, _DOUBLE = ir.IntType(32), ir.IntType(64), ir.DoubleType()
_WORDS, _SINGLES = ir.VectorType(_I32, LANES), ir.VectorType(ir.FloatType(), LANES)
_DOUBLES = ir.VectorType(_DOUBLE, LANES)
_NO_SUM, _MAGNITUDE = _DOUBLES([0.0] * LANES), _WORDS([0x7FFFFFFF] * LANES)
_NEUTRAL = (*[_NO_SUM] * 3, _WORDS([-(1 << 31)] * LANES), _WORDS([0] * LANES), _WORDS([-1] * LANES))


@intrinsic
def bins_and_moments(
    _typing: Any, values: Any, groups: Any, centre: Any, tables: Any, sums: Any, extremes: Any
) -> Any:
    """Count the bins of sixteen times `groups` values and leave what each lane has summed.

    Arguments:
        values: address of the float32 values, which may include non-finite ones.
        groups: at least 1.
        centre: a float64, subtracted from each value before it is summed.
        tables: address of the tables of counts.
        sums: address of three times 16 float64: deviations, their squares, magnitudes.
        extremes: address of three times 16 int32: of the values' bits, the greatest as signed and
            as unsigned integers, and the least as unsigned ones.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values, groups, centre, tables, sums, extremes = arguments
        middle = _in_all_lanes(builder, centre)
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)
        builder.position_at_end(loop)
        variables = [builder.phi(start.type) for start in (_I64(0), *_NEUTRAL)]
        turn, *lanes = variables
        here = builder.add(values, builder.mul(turn, _I64(4 * LANES)))
        _count(builder, here, tables)
        lanes = _accumulate(builder, here, middle, *lanes)
        following = builder.add(turn, _I64(1))
        for variable, start, new in zip(variables, (_I64(0), *_NEUTRAL), (following, *lanes), strict=True):
            variable.add_incoming(start, before)
            variable.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed("<", following, groups), loop, after)
        builder.position_at_end(after)
        for i in range(3):
            builder.store(lanes[i], _place(builder, sums, 8 * LANES * i, _DOUBLES), align=8)
            builder.store(lanes[3 + i], _place(builder, extremes, 4 * LANES * i, _WORDS), align=4)
        return context.get_dummy_value()

    signature = types.void(types.int64, types.int64, types.float64, types.int64, types.int64, types.int64)
    return signature, generate


def _count(builder, here, tables):
    """Add each value's top nine bits to the tables in turn, so that equal neighbours need not wait."""
    for pair in range(LANES // 2):
        both = builder.load(_place(builder, here, 8 * pair, _I64), align=1)
        lower = builder.and_(builder.lshr(both, _I64(23)), _I64(BINS - 1))
        upper = builder.lshr(both, _I64(55))
        for half, position in enumerate((lower, upper)):
            table = builder.add(tables, _I64(4 * STRIDE * ((2 * pair + half) % TABLES)))
            place = _place(builder, table, builder.shl(position, _I64(2)), _I32)
            builder.store(builder.add(builder.load(place), _I32(1)), place)


def _accumulate(builder, here, middle, total, squares, magnitudes, greatest, upmost, lowest):
    words = builder.load(_place(builder, here, 0, _WORDS), align=1)
    unsigned = builder.and_(words, _MAGNITUDE)
    value, magnitude = (
        builder.fpext(builder.bitcast(each, _SINGLES), _DOUBLES) for each in (words, unsigned)
    )
    deviation = builder.fsub(value, middle)
    return (
        builder.fadd(total, deviation),
        builder.fadd(squares, builder.fmul(deviation, deviation)),
        builder.fadd(magnitudes, magnitude),
        builder.select(builder.icmp_signed(">", words, greatest), words, greatest),
        builder.select(builder.icmp_unsigned(">", words, upmost), words, upmost),
        builder.select(builder.icmp_unsigned("<", words, lowest), words, lowest),
    )


def _place(builder, address, offset, kind):
    """Pointer to something of a kind some bytes after an address."""
    offset = _I64(offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _in_all_lanes(builder, value):
    single = builder.insert_element(_DOUBLES(ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(single, _DOUBLES(ir.Undefined), _WORDS([0] * LANES))
