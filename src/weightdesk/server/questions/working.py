"""How far the work is that takes long."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Message


class Working(Message):
    """What is being done, and the share of it that is done; both None while nothing is."""

    what: str | None
    share: float | None


class WorkingQuestion(Question[Working]):
    """What is being done, and how far is it?"""

    kind: ClassVar[str] = "working"
    settled: ClassVar[bool] = False

    def answer(self, session: Session) -> Working:
        """Read the gauge."""
        what, share = session.gauge.read() or (None, None)
        return Working(what=what, share=share)
