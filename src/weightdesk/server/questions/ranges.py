"""Between which values each column of a table lies, and in which units these are."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message


class Ranges(Message):
    """Least and most of each column over all examples, as the network gets them; what is not finite aside.

    `number × scale + mean` is in the units of the table itself; 1 and 0 where the network gets these.
    """

    low: Doubles
    high: Doubles
    scale: Doubles
    mean: Doubles


class RangesQuestion(Question[Ranges]):
    """Between which values does each input lie?"""

    kind: ClassVar[str] = "ranges"

    def answer(self, session: Session) -> Ranges:
        """Look through the probe set."""
        inputs = session.subject.inputs
        if not isinstance(inputs, Tensor) or inputs.ndim != 2:
            raise OptionError("only where the inputs are a table each of its columns has a range")
        values = inputs.double()
        known = values.isfinite()
        units = _units(session)
        return Ranges(
            low=torch.where(known, values, torch.inf).amin(dim=0),
            high=torch.where(known, values, -torch.inf).amax(dim=0),
            scale=units.get("scale", [1.0] * inputs.shape[1]),
            mean=units.get("mean", [0.0] * inputs.shape[1]),
        )


def _units(session: Session) -> dict[str, Any]:
    """How a built-in training standardised its table; empty where it did not, or the examples are others."""
    recipe = session.run.recipe
    if recipe is None or session.subject.part == "probe":
        return {}
    return dict(recipe["standardisation"].get("inputs", {}))
