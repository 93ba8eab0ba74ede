"""What an edit is: one change to some weights, as a value that can be compared, written and repeated.

An edit is made of names and numbers alone, so that a mix of edits stays small and fits other weights,
too. Before it is applied it is bound to the weights of a network: its place is looked up there, and
what it needs from elsewhere is fetched.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from torch import Tensor

from weightdesk.desk.parts import Changes, Part, changes_of
from weightdesk.desk.places import Place
from weightdesk.errors import MixError, OptionError, WeightdeskError, closest
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Edit(ABC):
    """One change to some weights.

    It reads and writes no other parameters than those it touches, and gives the same bits whenever it
    is applied to the same weights.

    Attributes:
        place: which weights.
        parts: where these lie in the parameters to which the edit is bound.
        kind: the edit's name in a mix.
        words: other names of its fields in a mix, which come first there.
    """

    place: Place
    parts: tuple[Part, ...] = field(default=(), compare=False, repr=False, kw_only=True)

    kind: ClassVar[str]
    words: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        """Change the weights in place; of the tensors given, those that are touched are private copies."""

    @abstractmethod
    def describe(self) -> str:
        """What was turned, for people: `conv1[5] muted`."""

    def meant(self, parameters: Parameters) -> tuple[Part, ...]:
        """The weights that the edit changes, given a place that lies within the parameters."""
        return self.place.parts(parameters)

    def bound(
        self,
        parameters: Parameters,
        values: Mapping[ParameterName, Tensor],  # noqa: ARG002  (for edits that tell what was there before)
    ) -> Self:
        """The edit ready to be applied to these weights.

        Arguments:
            parameters: names, aliases and shapes of the weights.
            values: the weights themselves before the edit.

        Raises:
            WeightdeskError: the place does not exist there, or what the edit needs cannot be read.
        """
        place = self.place.within(parameters)
        edit = replace(self, place=place)
        parts = edit.meant(parameters)
        for part in parts:
            _check_floating(part.parameter, parameters)
        return replace(edit, parts=parts)

    def conflicts(self, parameters: Parameters) -> Iterator[str]:
        """Why the edit cannot be applied to such parameters, one line for each reason."""
        try:
            for part in replace(self, place=self.place.within(parameters)).meant(parameters):
                _check_floating(part.parameter, parameters)
        except WeightdeskError as error:
            yield str(error)

    @cached_property
    def touched(self) -> frozenset[ParameterName]:
        """The parameters that the bound edit changes."""
        return frozenset(part.parameter for part in self.parts)

    @cached_property
    def changes(self) -> Changes:
        """The rows of each parameter that may differ after the bound edit."""
        return changes_of(self.parts)

    def apply(self, values: Mapping[ParameterName, Tensor]) -> dict[ParameterName, Tensor]:
        """New tensors for the touched parameters; those given stay as they are."""
        copies = {name: values[name].clone() for name in self.touched}
        self.write(copies)
        return copies

    def to_json(self) -> dict[str, Any]:
        """The edit as an object of JSON: `{"turn": "set", "place": "fc.weight[3,17]", …}`."""
        names = dict.fromkeys((*self.words, *(each.name for each in _told(self))))
        told = {self.words.get(name, name): getattr(self, name) for name in names}
        kept = {key: _plain(value) for key, value in told.items() if value is not None}
        return {"turn": self.kind, "place": str(self.place), **kept}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The edit that an object of JSON tells, without its `turn`.

        Raises:
            MixError: an entry is missing or unknown.
            OptionError: an entry has an impossible value.
        """
        by_key = {cls.words.get(each.name, each.name): each for each in _told(cls)}
        for key in given.keys() - by_key.keys() - {"place"}:
            raise MixError(f"a turn {cls.kind!r} has no {key!r}; {closest(key, [*by_key, 'place'])}")
        needed = [key for key, each in by_key.items() if each.default is MISSING]
        for key in [key for key in ("place", *needed) if key not in given]:
            raise MixError(f"a turn {cls.kind!r} needs {key!r}; it has {', '.join(given) or 'nothing'}")
        told = {by_key[key].name: _read(by_key[key], given[key]) for key in given if key != "place"}
        return cls(Place.parse(str(given["place"])), **told)


def number(value: Any, what: str) -> float:
    """A real number, also one that is not finite; every NaN is the same object, so that it equals itself.

    >>> number("3", "the factor")
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: the factor must be a number, got '3'
    """
    if isinstance(value, (str, bytes, bool)):
        raise OptionError(f"{what} must be a number, got {value!r}")
    try:
        found = float(value.item() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError):
        raise OptionError(f"{what} must be a number, got {value!r}") from None
    return math.nan if math.isnan(found) else found


def whole(value: Any, what: str, *, least: int | None = None, most: int | None = None) -> int:
    """A whole number within its bounds.

    >>> whole(8.5, "bits")
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: bits must be a whole number, got 8.5
    """
    try:
        found = operator.index(value)
    except TypeError:
        raise OptionError(f"{what} must be a whole number, got {value!r}") from None
    if (least is not None and found < least) or (most is not None and found > most):
        bounds = f"{least} or more" if most is None else f"{least}…{most}"
        raise OptionError(f"{what} must be {bounds}, got {found}")
    return found


def settle(edit: Edit, **checked: Any) -> None:
    """Put checked values into the fields of an edit that is being made."""
    for name, value in checked.items():
        object.__setattr__(edit, name, value)


def _told(edit: Edit | type[Edit]) -> list[Field[Any]]:
    return [each for each in fields(edit) if each.repr and each.name != "place"]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _read(told: Field[Any], value: Any) -> Any:
    # JSON has no numbers that are not finite: they are written as text.
    floating = "float" in str(told.type)
    return float(value) if floating and value in ("nan", "inf", "-inf") else value


def _check_floating(name: ParameterName, parameters: Parameters) -> None:
    if "float" not in parameters[name].dtype:
        raise OptionError(f"{name} holds {parameters[name].dtype}; only floating weights can be turned")
