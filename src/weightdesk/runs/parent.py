"""What weights were before: the run and step they were taken from, and the turns since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from weightdesk.errors import WeightFileError
from weightdesk.paths import portable_path


@dataclass(frozen=True)
class Parent:
    """Where a training's first weights, or the weights of a file, come from.

    Attributes:
        run: folder or address of the run, as its user named it; None for a model of no known run.
        step: the kept step of that run whose weights these were; None where they are of none.
        mix: the turns made since, as the desk writes them; None where there were none. Its `turns` are a
            list.
        file: the weight file they were read from, where there was one.
        examples: what was learned from, where it were the very examples that the desk judges by.

    >>> print(Parent("runs/digits", 128, {"turns": [{"turn": "mute", "place": "conv1[5]"}]}))
    runs/digits at step 128 and 1 turn
    """

    run: str | None = None
    step: int | None = None
    mix: Mapping[str, Any] | None = None
    file: str | None = None
    examples: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as `run.json` keeps them: paths without the machine's folders.

        >>> Parent("/home/ada/runs/digits", 128).to_dict()
        {'run': 'digits', 'step': 128, 'mix': None, 'file': None, 'examples': None}
        """
        places = {name: None if path is None else portable_path(path) for name, path in self._places()}
        return {each.name: getattr(self, each.name) for each in fields(self)} | places

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Parent:
        """Return what `to_dict` stored."""
        return cls(**{each.name: stored.get(each.name) for each in fields(cls)})

    def to_metadata(self) -> dict[str, str]:
        """Return what a weight file says of it: `parent_run`, `parent_step` and `mix`, as far as known.

        >>> Parent("runs/digits", 128).to_metadata()
        {'parent_run': 'runs/digits', 'parent_step': '128'}
        """
        run = None if self.run is None else portable_path(self.run)
        known = {"parent_run": run, "parent_step": self.step}
        told = {name: str(value) for name, value in known.items() if value is not None}
        return told | ({"mix": _text(self.mix)} if self.mix is not None else {})

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], file: str) -> Parent:
        """Return what a weight file says of itself.

        Raises:
            WeightFileError: the metadata are damaged.

        """
        try:
            step = metadata.get("parent_step")
            mix = json.loads(metadata["mix"]) if "mix" in metadata else None
            return cls(metadata.get("parent_run"), None if step is None else int(step), mix, file)
        except ValueError as error:
            raise WeightFileError(
                f"the metadata of {file} are damaged: {error}; expected parent_step as a whole number and "
                "mix as JSON text, as `desk.save` writes them"
            ) from None

    def _places(self) -> tuple[tuple[str, str | None], ...]:
        return ("run", self.run), ("file", self.file)

    def __str__(self) -> str:
        place = self.run or self.file or "weights of no known run"
        at = "" if self.step is None else f" at step {self.step}"
        turns = len((self.mix or {}).get("turns", ()))
        turned = f" and {turns} turn{'s' * (turns > 1)}" if turns else ""
        return place + at + turned + (f", on {self.examples}" if self.examples else "")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
