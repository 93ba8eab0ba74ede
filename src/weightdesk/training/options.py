"""What an option may be: one small check per kind of value, attached to a dataclass field.

A check takes the option's name and the given value and returns the value in its one true form, or
raises `OptionError` with a line that says what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, field, fields
from typing import Any, Final, TypeAlias

from weightdesk.errors import OptionError, closest

Check: TypeAlias = Callable[[str, Any], Any]

MOST: Final = 10**9
"""The largest count where an option sets no other: no memory holds as many things of any kind."""

LARGEST_SEED: Final = 2**63 - 1
"""What torch takes for a seed whatever its sign."""

_LAYERS: Final = 1_000  # more would take minutes to build, whatever their size
_SINGLE: Final = 1e30  # products of numbers below it with usual ones stay within single precision, 3e38
_SHOWN: Final = 60  # characters of a wrong value that are repeated in the error


def option(check: Check, help_text: str, default: Any = MISSING) -> Any:
    """Declare a dataclass field that is an option: how it is checked and what it does.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Diet:
    ...     apples: int = option(whole(at_least=0), "apples a day", 1)
    ...     def __post_init__(self) -> None:
    ...         check_all(self)
    >>> Diet("3").apples
    3
    """
    return field(default=default, metadata={"check": check, "help": help_text})


def help_texts(options: type) -> dict[str, str]:
    """Return what each option of a dataclass does, by name, in the order of declaration.

    >>> from weightdesk.training.recipe import Recipe
    >>> help_texts(Recipe)["lr"]
    'learning rate'
    """
    return {each.name: each.metadata["help"] for each in fields(options) if "help" in each.metadata}


def check_all(options: Any) -> None:
    """Bring every option of a frozen dataclass into its one true form, in place.

    Raises:
        OptionError: an option has an unknown or impossible value.

    """
    for each in fields(options):
        object.__setattr__(options, each.name, _check(each)(each.name, getattr(options, each.name)))


def _check(declared: Field[Any]) -> Check:
    check: Check = declared.metadata.get("check", lambda _name, value: value)
    return check


def wrong(name: str, expected: str, value: object) -> OptionError:
    """Return the error for an impossible value, in the words that the command line uses.

    >>> wrong("lr", "a number above 0", -1)
    OptionError('--lr must be a number above 0, got -1')
    """
    told = repr(value)
    shown = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
    return OptionError(f"--{name.replace('_', '-')} must be {expected}, got {shown}")


def choice(known: Iterable[str]) -> Check:
    """Accept one of the known names.

    >>> choice(["adam", "sgd"])("optimizer", "adma")
    Traceback (most recent call last):
    weightdesk.errors.OptionError: --optimizer has no value 'adma': did you mean adam?
    """
    names = tuple(known)

    def check(name: str, value: Any) -> str:
        if value not in names:
            raise OptionError(
                f"--{name.replace('_', '-')} has no value {value!r}: {closest(str(value), names)}"
            )
        return str(value)

    return check


def whole(at_least: int, at_most: int = MOST) -> Check:
    """Accept a whole number within bounds, also as text or as a float without a fraction.

    >>> whole(at_least=1)("batch", "64")
    64
    """

    def check(name: str, value: Any) -> int:
        number = _whole_number(value)
        if number is None or number < at_least:
            raise wrong(name, f"a whole number of at least {at_least}", value)
        if number > at_most:
            raise wrong(name, f"a whole number of at most {at_most}", value)
        return number

    return check


def real(*, above: float = -math.inf, at_least: float = -math.inf, below: float = math.inf) -> Check:
    """Accept a finite number within bounds, also as text.

    >>> real(at_least=0, below=1)("dropout", 1.5)
    Traceback (most recent call last):
    weightdesk.errors.OptionError: --dropout must be a number of at least 0 and below 1, got 1.5
    """
    named = {"above": above, "of at least": at_least, "below": below}
    bounds = " and ".join(f"{word} {bound:g}" for word, bound in named.items() if math.isfinite(bound))

    def check(name: str, value: Any) -> float:
        number = _number(value)
        if not (math.isfinite(number) and above < number < below and number >= at_least):
            raise wrong(name, f"a number {bounds}".strip(), value)
        if abs(number) >= _SINGLE:
            raise wrong(name, f"a number below {_SINGLE:g}, which single precision can still multiply", value)
        return number

    return check


def flag(name: str, value: Any) -> bool:
    """Accept true or false.

    >>> flag("standardise", True)
    True
    """
    if not isinstance(value, bool):
        raise wrong(name, "true or false", value)
    return value


def text(name: str, value: Any) -> str:
    """Accept text.

    >>> text("target", "price")
    'price'
    """
    if not isinstance(value, str):
        raise wrong(name, "text", value)
    return value


def optional(check: Check) -> Check:
    """Accept None, or what the check accepts.

    >>> optional(flag)("standardise", None) is None
    True
    """
    return lambda name, value: None if value is None else check(name, value)


def sizes(name: str, value: Any) -> tuple[int, ...]:
    """Accept layer sizes as numbers, or as text with commas.

    >>> sizes("layers", "128,64"), sizes("layers", [16]), sizes("layers", "")
    ((128, 64), (16,), ())
    """
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if isinstance(parts, int):
        parts = [parts]
    numbers = [_whole_number(part) for part in parts] if isinstance(parts, Sequence) else [None]
    whole_ones = [number for number in numbers if number is not None and 1 <= number <= MOST]
    if len(whole_ones) < len(numbers) or len(numbers) > _LAYERS:
        expected = "whole numbers of at least 1 with commas between, such as 128,64"
        raise wrong(name, expected if len(numbers) <= _LAYERS else f"at most {_LAYERS} numbers", value)
    return tuple(whole_ones)


def _whole_number(value: Any) -> int | None:
    """Return the value as a whole number; None if it is none. Exact, unlike by way of a float."""
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:  # no digits alone, or thousands of them
            pass
    number = _number(value)
    return int(number) if number.is_integer() else None


def _number(value: Any) -> float:
    """Return the value as a float, NaN where it is not a number."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
