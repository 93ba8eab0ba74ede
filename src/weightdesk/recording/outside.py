"""Weights that something other than the optimizer changed between two steps.

The update of a step is what the optimizer did. If the next step begins with other weights than it left,
something else moved them: a clip of weights, an average that was put in their place, a wrapper whose step
cannot be hooked. The sampled weights tell: they are read after a step whose update is recorded, and compared
with what the next step reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weightdesk.recording.notes import Notes, enumerate_names
from weightdesk.types import ParameterName, Step

_MOST_STEPS: Final = 1000
"""Steps that are listed at most; a training that clips its weights changes them at every step."""

Values = npt.NDArray[np.float64]


class OutsideChanges:
    """Compares the sampled weights that steps leave with those that the next ones find.

    Arguments:
        facts: the entry `recording` of the manifest, to which `changed_outside` is added.
        notes: told once.

    >>> facts = {}
    >>> changes = OutsideChanges(facts, Notes([]))
    >>> changes.remember(3, np.array([1.0, 2.0]))
    >>> changes.compare(3, np.array([1.0, 2.5]), {"weight": 1, "bias": 1})
    >>> facts["changed_outside"]
    {'steps': [3], 'parameters': ['bias']}
    """

    def __init__(self, facts: dict[str, Any], notes: Notes) -> None:
        self._facts, self._notes = facts, notes
        self._step: Step = -1
        self._values: Values | None = None

    def remember(self, step: Step, values: Values | None) -> None:
        """Keep the sampled weights after a step, `step` being the number of those that are done."""
        self._step, self._values = step, values

    def expects(self, step: Step) -> bool:
        """Whether there is something to compare with what this step finds."""
        return step == self._step and self._values is not None

    def compare(self, step: Step, values: Values | None, lengths: Mapping[ParameterName, int]) -> None:
        """Compare with the sampled weights that a step finds; of how many parameters they are, by name."""
        before, self._values = self._values, None
        if step != self._step or before is None or values is None or len(before) != len(values):
            return  # the parameters have changed meanwhile, or lie on a device
        if before.tobytes() == values.tobytes():  # bit for bit: a NaN is itself
            return
        differs = before.view(np.int64) != values.view(np.int64)
        owners = np.repeat(np.arange(len(lengths)), list(lengths.values()))
        names = [list(lengths)[owner] for owner in np.unique(owners[differs])]
        self._tell(step, names)

    def _tell(self, step: Step, names: list[ParameterName]) -> None:
        told = self._facts.setdefault("changed_outside", {"steps": [], "parameters": []})
        if len(told["steps"]) < _MOST_STEPS:
            told["steps"].append(step)
            self._notes.changed = True
        told["parameters"] = list(dict.fromkeys([*told["parameters"], *names]))
        self._notes.add(
            f"weights of {enumerate_names(names)} were changed by something other than the optimizer, first "
            f"between the steps {step - 1} and {step}; updates are those of the optimizer alone"
        )
