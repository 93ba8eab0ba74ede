"""How strong each unit of a parameter is, for layers too large to be sent whole."""

from __future__ import annotations

from typing import ClassVar

import torch

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step
from weightdesk.server.session import Session
from weightdesk.server.unitreader import UnitReader
from weightdesk.server.wire import Floats, Message


class Norms(Message):
    """Of each unit the root of the sum of its squared weights."""

    parameter: str
    values: Floats


class NormsQuestion(Question[Norms]):
    """Which units of this parameter have the largest weights, without any turn?"""

    kind: ClassVar[str] = "norms"

    parameter: str
    step: Step

    def answer(self, session: Session) -> Norms:
        """Read the units some at a time, so that no more than these are in memory."""
        if not session.run.parameters[self.parameter].shape:
            raise OptionError(f"{self.parameter} is one number and has no units")
        blocks = UnitReader.of(session).blocks(self.parameter, self.step)
        norms = [torch.linalg.vector_norm(each.double().reshape(len(each), -1), dim=1) for each in blocks]
        return Norms(parameter=self.parameter, values=torch.cat([torch.empty(0), *norms]))
