"""Numbers, names and moments in the few characters that a table has for them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

UNKNOWN: Final = "–"
_COUNTS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_SIZES: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def number(value: float | None) -> str:
    """Three significant digits in at most seven characters, two more where exponents are long.

    >>> [number(each) for each in (0.49178, 0.00030213, -1234567.0, 0.0, float("nan"), None)]
    ['0.492', '3.0e-4', '-1.2e6', '0', 'NaN', '–']
    """
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if 0.01 <= abs(value) < 999.5:
        decimals = 2 - math.floor(math.log10(abs(float(f"{value:.3g}"))))
        return f"{value:.{max(decimals, 0)}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def count(value: int | None) -> str:
    """A number of things; thousands and more are rounded to three digits.

    >>> count(640), count(18432), count(124_439_808)
    ('640', '18.4k', '124M')
    """
    if value is None:
        return UNKNOWN
    for unit, name in _COUNTS:
        if value >= unit:
            return f"{_three_digits(value / unit)}{name}"
    return str(value)


def size(value: int) -> str:
    """A number of bytes with its decimal unit.

    >>> size(812), size(4_210_000)
    ('812 B', '4.21 MB')
    """
    for unit, name in _SIZES:
        if value >= unit:
            return f"{_three_digits(value / unit)} {name}"
    return f"{value} B"


def share(value: float | None) -> str:
    """A share as a percentage.

    >>> share(0.9889), share(None)
    ('98.9%', '–')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def shape(sizes: tuple[int, ...]) -> str:
    """The sizes of a tensor.

    >>> shape((64, 32, 3, 3)), shape(())
    ('64×32×3×3', 'scalar')
    """
    return "×".join(map(str, sizes)) or "scalar"


def shorten(name: str, width: int) -> str:
    """The name; where it is too long, its first parts as letters, then without them, then without its middle.

    The numbers of layers stay, so that names of equal build can still be told apart.

    >>> name = "encoder.layers.11.attention.key"
    >>> [shorten(name, width) for width in (31, 22, 11)], shorten("a_name_without_parts", 11)
    (['encoder.layers.11.attention.key', 'e.l.11.attention.key', '…l.11.a.key'], 'a_nam…parts')
    """
    *before, last = name.split(".")
    for place, part in enumerate(before):
        if len(".".join([*before, last])) <= width:
            break
        before[place] = part if part.isdigit() else part[:1]
    short = ".".join([*before, last])
    while len(short) > width and before and not before[0].isdigit():
        before.pop(0)
        short = "…" + ".".join([*before, last])
    if len(short) <= width:
        return short
    tail = (width - 1) // 2
    return f"{short[: width - 1 - tail]}…{short[len(short) - tail :]}"


def several(number: int, thing: str) -> str:
    """So many things.

    >>> several(1, "weight"), several(29066, "weight")
    ('1 weight', '29,066 weights')
    """
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def since(moment: str | None, now: datetime) -> str:
    """How long ago a moment was, or its date where that is more than a day.

    Arguments:
        moment: ISO 8601 with its time zone.
        now: the present moment, in the time zone in which dates are shown.

    >>> now = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
    >>> since("2026-01-31T11:58:30+00:00", now), since("2025-12-24T18:00:00+00:00", now)
    ('1 min ago', '2025-12-24')
    """
    try:
        then = datetime.fromisoformat(moment or "").astimezone(now.tzinfo)
    except ValueError:
        return UNKNOWN
    seconds = (now - then).total_seconds()
    for length, unit in ((86400, None), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago" if unit else then.date().isoformat()
    return "just now"


def duration(seconds: float) -> str:
    """A length of time in its usual unit.

    >>> duration(4.26), duration(90), duration(10_000)
    ('4.3 s', '1.5 min', '2.8 h')
    """
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
