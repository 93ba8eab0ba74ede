"""What the network says now: outputs for one input, and how every unit answers to it."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn
from torch.func import functional_call

from weightdesk.desk import Desk, Outcome
from weightdesk.server.questions.given import given_input
from weightdesk.server.questions.listening import listening
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message


class LayerAnswer(Message):
    """What a module gives for the input: one number a unit, or a map (height, width) of each."""

    module: str
    values: Floats


class Heard(Message):
    """The network with the turns, and without them as `before`, on one input and on the probe set.

    Loss and accuracy are of the examples `seen`: of all `examples`, or estimates with `loss_error`.
    """

    outputs: Floats
    before: Floats
    layers: tuple[LayerAnswer, ...]
    loss: float | None
    loss_before: float | None
    loss_error: float | None
    accuracy: float | None
    accuracy_before: float | None
    seen: int
    examples: int


class HeardQuestion(Question[Heard]):
    """What does the network say to an example, or to numbers of one's own, after these turns?"""

    kind: ClassVar[str] = "heard"
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()
    example: Annotated[int, Field(ge=0)] = 0
    own: Annotated[tuple[float, ...], Field(max_length=65_536)] | None = None
    patience: Annotated[float, Field(ge=0)] | None = None
    """Seconds after which the probe set may be left unfinished; None: until all of it is seen."""

    def answer(self, session: Session) -> Heard:
        """Run the input alone, and as much of the probe set as there is time for."""
        given = given_input(session, self.example, self.own)
        with session.network(self.step, self.turns) as (network, start, state), torch.no_grad():
            with listening(network, _innermost(network)) as layers:
                outputs = functional_call(network, dict(state.values), (given,))
            before = functional_call(network, dict(start.values), (given,)) if self.turns else outputs
        with session.desk(self.step, self.turns) as desk:
            outcome = _outcome(desk, self.patience)
        loss, accuracy = outcome.measures.get("loss"), outcome.measures.get("accuracy")
        bounds = loss.interval if loss is not None and not outcome.exact else None
        return Heard(
            outputs=outputs[0],
            before=before[0],
            layers=tuple(LayerAnswer(module=name, values=each[0]) for name, each in layers.items()),
            loss=finite(loss.now) if loss else None,
            loss_before=finite(loss.before) if loss else None,
            loss_error=(bounds[1] - bounds[0]) / 2 if bounds else None,
            accuracy=finite(accuracy.now) if accuracy else None,
            accuracy_before=finite(accuracy.before) if accuracy else None,
            seen=len(outcome.examples),
            examples=outcome.count,
        )


def _outcome(desk: Desk, patience: float | None) -> Outcome:
    if patience is None:
        return desk.outcome
    end = monotonic() + patience
    return next(each for each in desk.progress() if each.exact or monotonic() >= end)


def _innermost(network: nn.Module) -> list[str]:
    return [name for name, each in network.named_modules() if name and not any(each.children())]
