"""What can be asked about a run: the interface behind which each question is one file."""

from __future__ import annotations

import math
from abc import abstractmethod
from contextlib import nullcontext
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import Field

from weightdesk.server.session import RUNNING, Session
from weightdesk.server.wire import Message

Answer = TypeVar("Answer", bound=Message)

Step = Annotated[int, Field(ge=0, lt=2**53)]
Index = tuple[Annotated[int, Field(ge=0, lt=2**53)], ...]
Turns = Annotated[tuple[Annotated[str, Field(max_length=400)], ...], Field(max_length=2000)]
"""The mix, each turn as people write it; see `weightdesk.desk.grammar`."""


class Question(Message, Generic[Answer]):
    """A question of the page; its fields are the address of the answer.

    Attributes:
        kind: what it is called on the wire.
        settled: whether the answer to the same question never changes, so that it may be kept.
        runs: whether a network is run for it: then one after the other.
        long: whether it may take so long that another process should answer it, where there is one.
    """

    kind: ClassVar[str]
    settled: ClassVar[bool] = True
    runs: ClassVar[bool] = False
    long: ClassVar[bool] = False

    def answered(self, session: Session) -> Answer:
        """The answer, safe to ask for in several threads."""
        with RUNNING if self.runs else nullcontext():
            try:
                return self.answer(session)
            finally:
                if self.long:
                    session.gauge.rest()

    @abstractmethod
    def answer(self, session: Session) -> Answer:
        """Answer it; called in a thread of its own.

        Raises:
            WeightdeskError: it cannot be answered; the message is for the person who asked.
        """


def finite(value: float | None) -> float | None:
    """A number as JSON can say it; None where it is not finite."""
    return value if value is not None and math.isfinite(value) else None
