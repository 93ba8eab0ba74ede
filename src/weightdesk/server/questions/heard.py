"""What the network says now: outputs for one input, and how every unit answers to it."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, ClassVar, Final
from weakref import WeakKeyDictionary

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from weightdesk.desk import Desk, Outcome
from weightdesk.server.questions.given import given_input
from weightdesk.server.questions.listening import listening
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.questions.scores import Scores
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message

_TRIES: Final = 2  # the first ones take longer, as what is needed again is made


class LayerAnswer(Message):
    """What a module gives for the input: one number a unit, or a map (height, width) of each.

    Of a module without weights only the `shape` is told.
    """

    module: str
    shape: tuple[int, ...]
    values: Floats


class Heard(Message):
    """The network with the turns, and without them as `before`, on one input; scores are of the probe set."""

    outputs: Floats
    before: Floats
    layers: tuple[LayerAnswer, ...]
    scores: Scores | None


class HeardQuestion(Question[Heard]):
    """What does the network say to an example, or to numbers of one's own, after these turns?"""

    kind: ClassVar[str] = "heard"
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()
    example: Annotated[int, Field(ge=0)] = 0
    own: Annotated[tuple[float, ...], Field(max_length=65_536)] | None = None
    patience: Annotated[float, Field(ge=0)] | None = None
    """Seconds for the probe set, and no scores where its first examples take longer; None: all of it."""

    def answer(self, session: Session) -> Heard:
        """Run the input alone, and as much of the probe set as there is time for."""
        given = given_input(session, self.example, self.own)
        with session.network(self.step, self.turns) as (network, start, state), torch.no_grad():
            begin = monotonic()
            with listening(network, _innermost(network)) as layers:
                outputs = functional_call(network, dict(state.values), (given,))
            alone = monotonic() - begin
            about = self.step, self.example, self.own  # the same while a knob is turned
            before = session.kept(
                "before", about, lambda: functional_call(network, dict(start.values), (given,))
            )
        with session.desk(self.step, self.turns) as desk:
            outcome = desk.outcome if self.patience is None else _outcome(desk, alone, self.patience)
        return Heard(
            outputs=outputs[0],
            before=before[0],
            layers=tuple(_answer(network, name, each[0]) for name, each in layers.items()),
            scores=None if outcome is None else Scores.of(outcome),
        )


_TRIED: Final[WeakKeyDictionary[Desk, list[float]]] = WeakKeyDictionary()
"""Seconds that the first examples took, the first times."""


def _outcome(desk: Desk, alone: float, patience: float) -> Outcome | None:
    """On as many examples as there is time for; None where that is too short for the first.

    That is so where they took longer before, or where one `alone` takes a good part of it.
    """
    tried = _TRIED.setdefault(desk, [])
    if patience and (alone > patience / 4 or (len(tried) == _TRIES and min(tried) > patience)):
        return None
    begin = monotonic()
    for found in desk.progress():
        if len(tried) < _TRIES:
            tried.append(monotonic() - begin)
        if found.exact or monotonic() - begin >= patience:
            break
    return found


def _answer(network: nn.Module, name: str, given: Tensor) -> LayerAnswer:
    has_weights = any(True for _ in network.get_submodule(name).parameters(recurse=False))
    return LayerAnswer(module=name, shape=tuple(given.shape), values=given if has_weights else [])


def _innermost(network: nn.Module) -> list[str]:
    return [name for name, each in network.named_modules() if name and not any(each.children())]
