"""What a sweep reads of the desk: the examples, how they are judged, and the present state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from weightdesk.desk.engine.graph import GraphEngine
from weightdesk.desk.engine.stack import Stack
from weightdesk.desk.engine.stacking import Looped, open_stack
from weightdesk.desk.outcomes.measures import Parts
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.probeset import ProbeSet
from weightdesk.desk.state import State
from weightdesk.desk.sweeps.found import Found, exactly_found
from weightdesk.desk.sweeps.slope import slopes
from weightdesk.desk.sweeps.weight import Weight
from weightdesk.errors import OptionError
from weightdesk.explain.batch import Batch, batch_of
from weightdesk.types import ParameterName

LOSS, ACCURACY = "loss", "accuracy"
_LARGEST = 2048  # rows where an engine would run more at a time
_SEVERAL = 4


@dataclass(frozen=True, eq=False)
class Present:
    """A state, around which weights are swept, and what the network does there.

    Attributes:
        set: runs and judges the examples.
        model: in evaluation mode.
        inputs: of all examples.
        state: the present weights.
        outcome: theirs, exact.
    """

    set: ProbeSet
    model: nn.Module
    inputs: Any
    state: State
    outcome: Outcome

    @property
    def loss(self) -> float:
        """The present loss, added up in the way of all other points.

        Raises:
            OptionError: there is none.
        """
        if self.outcome.loss is None:
            raise OptionError(
                "a sweep shows the loss, and this desk has none: give it targets, "
                "as in Desk(model, inputs, targets)"
            )
        return self.parts[LOSS].ratio if self.set.separable else self.outcome.loss

    @property
    def scores(self) -> tuple[str, ...]:
        """What is told of each point: the loss, and the accuracy where there is one."""
        return (LOSS, ACCURACY) if ACCURACY in self.outcome.measures else (LOSS,)

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.set.examples.count

    @property
    def batch(self) -> Batch:
        """All examples."""
        return batch_of(self.inputs)

    @cached_property
    def parts(self) -> Mapping[str, Parts]:
        """What each example adds now."""
        if not self.state.edits:
            return self.set.parts(self.state)
        return self.set.judge.parts(self.outcome.outputs, self.set.targets, self.count)

    @property
    def rows(self) -> int:
        """How many examples run at a time."""
        return self.set.engine.chunk

    @property
    def free(self) -> int:
        """So few rows that they take less than the least that a turn takes anyway."""
        if not isinstance(self.set.engine, GraphEngine):
            return 0
        return self.rows if self.rows >= _LARGEST else self.rows // 4

    def affordable(self, values: int, turns: float) -> int | None:
        """How many examples can be run for so many values in so many turns' time.

        None where a run of a few takes as long as that of all, so that there is nothing to gain.
        """
        if not isinstance(self.set.engine, GraphEngine) and self.count <= _SEVERAL * self.rows:
            return None
        return max(int(turns * self.count), self.free) // values

    def numbers(self, state: State) -> dict[str, float]:
        """Loss and scores in a state."""
        if not self.set.separable:
            measures = self.set.outcome(state).measures
            return {name: measures[name].now for name in self.scores}
        parts = self.set.parts(state)
        return {name: parts[name].ratio for name in self.scores}

    def found(self, weight: Weight) -> Found:
        """The present point."""
        value = torch.tensor([weight.value(self.state)], dtype=torch.float64)
        now = {name: self.outcome.measures[name].now for name in self.scores}
        if self.set.separable:
            now = {name: self.parts[name].ratio for name in self.scores}
        return exactly_found(
            value, {name: torch.tensor([each], dtype=torch.float64) for name, each in now.items()}
        )

    def at(self, state: State) -> Present:
        """The same in another state."""
        return Present(self.set, self.model, self.inputs, state, self.set.outcome(state))

    def stack(self, weight: Weight | None, examples: Int64[Tensor, " examples"]) -> Stack:
        """Some examples, to be run for many values of a weight; or, where none is named, moved as a whole."""
        if weight is None:
            return Looped(self.set.engine, self.model, self.batch, examples, self.state)
        return open_stack(
            self.set.engine, self.model, self.batch, examples, self.state,
            (weight.parameter, weight.index), self.outcome.outputs,
        )  # fmt: skip

    def amounts(
        self,
        stack: Stack,
        weight: Weight,
        examples: Int64[Tensor, " examples"],
        values: Float64[Tensor, " values"],
    ) -> dict[str, Float64[Tensor, "values examples"]]:
        """What each of some examples adds at each value."""
        found = {name: torch.empty(len(values), len(examples), dtype=torch.float64) for name in self.scores}
        for rows in stack.run(values, lambda value: weight.turned(self.state, value), self.rows):
            targets = self.set.examples.targets_of(self.set.targets, examples[rows.examples])
            parts = self.set.judge.parts(rows.outputs, targets, self.count)
            for name, known in found.items():
                known[rows.values, rows.examples] = parts[name].amounts
        return found

    def slopes(
        self,
        stack: Stack,
        directions: Mapping[ParameterName, Tensor],
        examples: Int64[Tensor, " examples"],
    ) -> Float64[Tensor, " examples"]:
        """By how much what each of some examples adds to the loss grows along a direction."""
        split = self.set.judge.split
        assert split is not None
        targets = self.set.examples.targets_of(self.set.targets, examples)
        return slopes(stack, directions, split, targets) * (1 if split.mean else self.count)

    def ratio(self, name: str, amounts: Float64[Tensor, "... examples"]) -> Float64[Tensor, ...]:
        """What the amounts of all examples make together."""
        return amounts.sum(-1) / self.parts[name].weights.sum()
