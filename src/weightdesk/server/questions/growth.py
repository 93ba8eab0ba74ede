"""How far the run is: what tells a page that there is more to ask for."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Message


class Growth(Message):
    """What changes while a run is written."""

    status: str
    last_step: int | None
    snapshots: int


class GrowthQuestion(Question[Growth]):
    """Has the run grown?"""

    kind: ClassVar[str] = "growth"
    settled: ClassVar[bool] = False

    def answer(self, session: Session) -> Growth:
        """Look at it anew."""
        run = session.run
        return Growth(status=run.status, last_step=run.last_step, snapshots=len(run.steps))
