"""How far the gradient reaches: that of every parameter at one step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from weightdesk.server.questions.question import Question, Step
from weightdesk.server.session import Session
from weightdesk.server.statistics import Recorded
from weightdesk.server.wire import Doubles, Message


class Flow(Message):
    """The rms of each gradient, in the order of the run's parameters; NaN where there was none.

    `step` is the last one up to that asked for at which gradients were measured; None where there is none.
    """

    step: int | None
    gradients: Doubles


class FlowQuestion(Question[Flow]):
    """How large is the gradient of each parameter at this step?"""

    kind: ClassVar[str] = "flow"
    settled: ClassVar[bool] = False

    step: Step

    def answer(self, session: Session) -> Flow:
        """Read the rows of one step."""
        places = {name: place for place, name in enumerate(session.run.parameters)}
        gradients = np.full(len(places), np.nan)
        recorded = Recorded(session)
        step = recorded.last("gradient", self.step)
        if step is not None:
            names, rows = recorded.at("gradient", step)
            for name, rms in zip(names, rows.columns["rms"], strict=True):
                if name in places:  # a table of somebody else may have other names
                    gradients[places[name]] = rms
        return Flow(step=step, gradients=gradients)
