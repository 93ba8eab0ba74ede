"""The singular values of a layer."""

from __future__ import annotations

from typing import ClassVar, Final

import torch

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

MOST: Final = 4_000_000


class Spectrum(Message):
    """Singular values of the parameter as a matrix, units by inputs, the largest first."""

    values: Doubles


class SpectrumQuestion(Question[Spectrum]):
    """In how many directions does this layer act, and how strongly?"""

    kind: ClassVar[str] = "spectrum"

    parameter: str
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Spectrum:
        """Decompose it in double precision."""
        size = session.run.parameters[self.parameter].size
        if size > MOST:
            raise OptionError(f"{self.parameter} has {size:,} weights, too many to decompose while you wait")
        weights = session.weights(self.parameter, self.step, self.turns).double()
        matrix = weights.reshape(len(weights) if weights.ndim else 1, -1)
        if not bool(matrix.isfinite().all()):
            raise OptionError(f"{self.parameter} holds NaN or infinity, and has no singular values")
        return Spectrum(values=torch.linalg.svdvals(matrix))
