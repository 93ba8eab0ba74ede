"""The examples that are looked at, before all others are judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.nesting import main_pair
from weightdesk.desk.outcomes.difference import difference
from weightdesk.desk.outcomes.judge import Judge
from weightdesk.desk.outcomes.reading import Values
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Shown(Page):
    """Outputs of the shown examples after some turns.

    Attributes:
        edits: the turns; empty while they are bypassed.
        examples: numbers of the examples in the probe set, in the order of the outputs.
        outputs: what the model returns for them.
        before: what the unedited network returns.
        targets: theirs; None where there are none.
    """

    edits: tuple[Edit, ...]
    examples: Int64[Tensor, " shown"]
    outputs: Any
    before: Any
    targets: Any
    _judge: Judge = field(repr=False)

    @cached_property
    def difference(self) -> Any:
        """The outputs minus those of the unedited network."""
        return difference(self.outputs, self.before)

    @property
    def title(self) -> str:
        """How many are shown."""
        return f"{len(self.examples)} examples, as after {len(self.edits)} turns"

    def sections(self) -> list[Section]:
        """A row for each example: its target, the class or the value given, before and now."""
        columns: dict[str, Any] = {"example": self.examples.tolist(), **self._told()}
        main, _ = main_pair(self.difference, None)
        if main is not None and len(main) == len(self.examples):
            columns["largest change"] = main.reshape(len(main), -1).abs().amax(1).tolist()
        return [section("shown", columns, bars=[each for each in columns if each == "largest change"])]

    def _told(self) -> dict[str, Any]:
        now = self._judge.classes(self.outputs, self.targets)
        before = self._judge.classes(self.before, self.targets)
        if now is not None and before is not None:
            columns = {"target": now[1], "before": before[0], "now": now[0], "margin": now[2]}
            return {name: _listed(each) for name, each in columns.items()}
        main, target = main_pair(self.outputs, self.targets)
        was, _ = main_pair(self.before, self.targets)
        if main is None or was is None or not isinstance(self._judge.reading, Values) or target is None:
            return {}
        return {"target": _listed(target), "before": _listed(was), "now": _listed(main)}


def _listed(tensor: Tensor) -> list[Any]:
    """One number an example, or the list of its numbers."""
    rows = tensor.reshape(len(tensor), -1)
    rows = rows.double() if rows.dtype == torch.bfloat16 else rows
    return rows.flatten().tolist() if rows.shape[1] == 1 else rows.tolist()
