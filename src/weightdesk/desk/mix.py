"""A mix: what was turned, in order; small enough to read, and to be applied again.

Written down it is JSON, one line for each turn:

```
{
  "mix": 1,
  "shapes": {"fc.weight": [10, 64]},
  "turns": [
    {"turn": "set", "place": "fc.weight[3,17]", "from": 0.21400000154972076, "to": 0.8},
    {"turn": "mute", "place": "conv1[5]"}
  ]
}
```

`mix` is the version of the format. `shapes` are those of the parameters that are turned by name, so
that weights of another shape are noticed even where every index happens to lie inside. Numbers are
written so that they come back bit for bit; `"nan"`, `"inf"` and `"-inf"` are text, for JSON has none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from weightdesk.desk.edits import EDITS, Edit
from weightdesk.desk.state import State
from weightdesk.errors import MixError, WeightdeskError, closest
from weightdesk.runs import Parameters
from weightdesk.runs.wholefile import write_whole
from weightdesk.types import ParameterName

VERSION: Final = 1

Shapes: TypeAlias = tuple[tuple[ParameterName, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Mix:
    """Edits in order; it never changes, `mix + edit` is another one.

    Attributes:
        edits: the first one is applied first.
        shapes: of the parameters that are turned by name, where they are known.

    >>> from weightdesk.desk.edits import Muting, Setting
    >>> from weightdesk.desk.places import Place
    >>> mix = Mix() + Muting(Place.parse("conv1[5]")) + Setting(Place.parse("fc.weight[3,17]"), 0.8)
    >>> print(mix)
    1. conv1[5] muted
    2. fc.weight[3,17] → 0.8
    >>> Mix.from_json(mix.to_json()) == mix
    True
    """

    edits: tuple[Edit, ...] = ()
    shapes: Shapes = ()

    @classmethod
    def of(cls, state: State) -> Mix:
        """The mix that leads to a state, with the shapes of what it turns."""
        named = [part.parameter for edit in state.edits if edit.place.name for part in edit.parts]
        return cls(state.edits, tuple((name, state.parameters[name].shape) for name in dict.fromkeys(named)))

    def __add__(self, other: Edit | Mix) -> Mix:
        if isinstance(other, Edit):
            return replace(self, edits=(*self.edits, other))
        return Mix(self.edits + other.edits, tuple(dict((*self.shapes, *other.shapes)).items()))

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def __str__(self) -> str:
        return "\n".join(f"{place}. {edit.describe()}" for place, edit in enumerate(self.edits, 1))

    def without_last(self) -> Mix:
        """The mix before its last edit; an empty one stays empty."""
        return replace(self, edits=self.edits[:-1])

    def conflicts(self, parameters: Parameters) -> tuple[str, ...]:
        """Everything that keeps the mix from being applied to such parameters, one line each.

        >>> from weightdesk.desk.edits import Muting
        >>> from weightdesk.desk.places import Place
        >>> from weightdesk.runs import Parameter
        >>> here = Parameters([Parameter("fc.weight", (10, 64), "float32")])
        >>> (Mix() + Muting(Place.parse("fc.wieght[3]"))).conflicts(here)
        ("turn 1, fc.wieght[3] muted: no parameter or module 'fc.wieght'; did you mean fc.weight?",)
        """
        found = [
            f"turn {place}, {edit.describe()}: {each}"
            for place, edit in enumerate(self.edits, 1)
            for each in edit.conflicts(parameters)
        ]
        shapes = [
            f"{name} has shape {parameters[name].shape} here, {shape} where the mix was made"
            for name, shape in self.shapes
            if name in parameters and parameters[name].shape != shape
        ]
        return (*found, *shapes)

    def applied_to(self, state: State) -> State:
        """The state after these edits, on top of those that it has.

        Raises:
            MixError: something does not fit; it lists everything.
        """
        conflicts = self.conflicts(state.parameters)
        if conflicts:
            raise MixError(f"the mix does not fit these weights ({len(conflicts)} in conflict):", conflicts)
        return state.with_edits((*state.edits, *self.edits))

    def to_json(self) -> str:
        """The mix as text."""
        shapes = json.dumps({name: list(shape) for name, shape in self.shapes}, ensure_ascii=False)
        turns = [json.dumps(edit.to_json(), ensure_ascii=False, allow_nan=False) for edit in self.edits]
        listed = "".join(f"\n    {each}," for each in turns).removesuffix(",") + ("\n  " if turns else "")
        return f'{{\n  "mix": {VERSION},\n  "shapes": {shapes},\n  "turns": [{listed}]\n}}\n'

    @classmethod
    def from_json(cls, text: str | Mapping[str, Any]) -> Mix:
        """The mix that is written as text, or what JSON made of it.

        Raises:
            MixError: it is none.
        """
        try:
            given = json.loads(text) if isinstance(text, str) else text
        except ValueError as error:
            raise MixError(f"the mix is no JSON: {error}") from None
        if not isinstance(given, Mapping) or not isinstance(given.get("turns"), list):
            raise MixError('a mix is an object with "mix" (its version) and "turns" (a list)')
        if given.get("mix") != VERSION:
            raise MixError(f"the mix has version {given.get('mix')!r}; this weightdesk reads {VERSION}")
        edits = (_edit(place, each) for place, each in enumerate(given["turns"], 1))
        return cls(tuple(edits), _shapes(given.get("shapes", {})))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mix to a file, in place of one that was there; readers see the old or the new one.

        Raises:
            OSError: the file cannot be written.
            RunExistsError: a link, a folder or a device has its name.
        """
        write_whole(path, lambda place: place.write_text(self.to_json(), encoding="utf-8"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mix:
        """The mix in a file.

        Raises:
            MixError: there is none.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise MixError(f"no mix can be read from {os.fspath(path)}: {error.strerror}") from None
        except (MixError, UnicodeDecodeError) as error:
            raise MixError(f"{os.fspath(path)}: {error}") from None


def _edit(place: int, given: Any) -> Edit:
    kind = given.get("turn") if isinstance(given, Mapping) else None
    if not isinstance(kind, str) or kind not in EDITS:
        raise MixError(f"turn {place}: no turn is called {kind!r}; {closest(str(kind), EDITS)}")
    try:
        return EDITS[kind].from_json({key: value for key, value in given.items() if key != "turn"})
    except WeightdeskError as error:
        raise MixError(f"turn {place}: {error}") from None


def _shapes(given: Any) -> Shapes:
    try:
        return tuple((str(name), tuple(int(size) for size in shape)) for name, shape in given.items())
    except (AttributeError, TypeError, ValueError):
        raise MixError('"shapes" of a mix gives the shape of each parameter as a list') from None
