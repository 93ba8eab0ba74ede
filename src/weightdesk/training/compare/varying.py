"""What differs between the trainings of a comparison: every combination of the values of some options."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weightdesk.errors import OptionError


@dataclass(frozen=True)
class Setting:
    """One combination.

    Attributes:
        name: short and unique, such as `he_normal, l2=0.01`.
        options: the value of each option that is varied.
    """

    name: str
    options: Mapping[str, Any]

    @property
    def folder(self) -> str:
        """The name as a part of a folder's name.

        >>> Setting("he_normal, l2=0.01", {}).folder
        'he_normal-l2-0.01'
        """
        return re.sub(r"[^\w.]+", "-", self.name).strip("-.")


def read_variations(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read what was typed behind `--vary`: an option, and its values with commas or semicolons between.

    Raises:
        OptionError: a text is no option with values, or an option comes twice.

    >>> read_variations(["init=zeros,he_normal", "layers=64,32;128,64"])
    {'init': ('zeros', 'he_normal'), 'layers': ('64,32', '128,64')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, listed = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        between = ";" if ";" in listed else ","
        values = tuple(each.strip() for each in listed.split(between) if each.strip())
        if not (equals and name and values):
            raise OptionError(f"--vary takes an option and its values, such as l2=0,1e-4,1e-2, got {text!r}")
        if name in found:
            raise OptionError(f"--vary {name} comes twice: give all its values in one")
        found[name] = values
    return found


def combinations(vary: Mapping[str, Sequence[Any]]) -> tuple[Setting, ...]:
    """Every combination, the last option changing fastest.

    Arguments:
        vary: the values of each option; True and False may be given as text.

    Raises:
        OptionError: nothing is varied, a value comes twice, or the seed is among the options.

    >>> [each.name for each in combinations({"init": ["zeros", "he_normal"], "l2": [0, 0.01]})]
    ['zeros, l2=0', 'zeros, l2=0.01', 'he_normal, l2=0', 'he_normal, l2=0.01']
    """
    if not vary:
        raise OptionError("name what to vary, such as --vary init=xavier_uniform,he_normal")
    if "seed" in vary:
        raise OptionError("seeds are not settings: give their number with --seeds, and the first with --seed")
    for name, values in vary.items():
        if len({str(each) for each in values}) < max(1, len(values)):
            raise OptionError(f"--vary {name} needs values that differ, got {', '.join(map(str, values))}")
    settings = tuple(
        Setting(
            ", ".join(_said(name, value) for name, value in zip(vary, chosen, strict=True)),
            {name: _SWITCH.get(value, value) for name, value in zip(vary, chosen, strict=True)},
        )
        for chosen in itertools.product(*(map(_plain, values) for values in vary.values()))
    )
    if len({each.folder for each in settings}) < len(settings):
        raise OptionError("two settings would share a folder: their values differ in punctuation only")
    return settings


_SWITCH: Mapping[Any, Any] = {"true": True, "false": False}


def _plain(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _said(name: str, value: Any) -> str:
    """A value that is a word speaks for itself; a number does not."""
    return (
        value
        if isinstance(value, str) and value[:1].isalpha() and value not in _SWITCH
        else f"{name}={value}"
    )
