"""How the units of a module answer to the probe set."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import torch
from torch import Tensor
from torch.func import functional_call

from weightdesk.errors import OptionError
from weightdesk.server.questions.listening import listening
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Integers, Message

EXAMPLES: Final = 512
STRONGEST: Final = 8


class Activity(Message):
    """One row a unit; means are over examples, and over the places of a map.

    `strongest` are the examples that reach most, at the place where they do; `peaks` is what they reach.
    """

    magnitude: Doubles
    active: Doubles
    by_class: Doubles
    strongest: Integers
    peaks: Doubles
    examples: int


class ActivityQuestion(Question[Activity]):
    """Which units are busy, for which classes, and what excites them most?"""

    kind: ClassVar[str] = "activity"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    module: str
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Activity:
        """Run the first examples of the probe set."""
        subject = session.subject
        if not isinstance(subject.inputs, Tensor):
            raise OptionError("units are looked at where the network takes one tensor")
        inputs = subject.inputs[:EXAMPLES]
        values = self._answers(session, inputs).double().flatten(2)
        means, peaks = values.mean(2), values.amax(2)
        top = peaks.topk(min(STRONGEST, len(inputs)), dim=0)
        return Activity(
            magnitude=values.abs().mean((0, 2)),
            active=(values > 0).double().mean((0, 2)),
            by_class=_by_class(means, subject.targets, len(subject.class_names)),
            strongest=top.indices.T,
            peaks=top.values.T,
            examples=len(inputs),
        )

    def _answers(self, session: Session, inputs: Tensor) -> Tensor:
        """What the module gives: examples, units and, of a map, its places."""
        with (
            session.network(self.step, self.turns) as (network, _start, state),
            torch.no_grad(),
            listening(network, [self.module]) as found,
        ):
            functional_call(network, dict(state.values), (inputs,))
        given = found.get(self.module)
        if given is None or given.ndim < 2:
            raise OptionError(f"{self.module} does not give a number for each unit")
        return given.unsqueeze(-1)


def _by_class(means: Tensor, targets: Any, classes: int) -> Tensor:
    """The mean of each unit over the examples of each class: units by classes; NaN where a class has none."""
    if not classes or not isinstance(targets, Tensor) or targets.ndim != 1:
        return means.new_zeros(means.shape[1], 0)
    member = (targets[: len(means), None] == torch.arange(classes)).double()  # a target may be no class
    return (means.T @ member) / member.sum(0)
