"""Answers that lie in a page itself; `web/src/hosts/embedded.ts` finds them there."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Bytes, Message, pack

_GZIP: Final = 31  # what zlib calls a stream with gzip's header


class Embedded(Message):
    """One question, as JSON without what is the usual, and its answer, packed."""

    kind: str
    question: str
    packed: Bytes


class AllEmbedded(Message):
    """All that a page can say without computing."""

    answers: tuple[Embedded, ...]


def answered(question: Question[Any], session: Session) -> Embedded:
    """The question with the answer that the server would give.

    Raises:
        WeightdeskError: it cannot be answered.
    """
    return embedded(question, question.answered(session))


def embedded(question: Question[Any], answer: Message) -> Embedded:
    """The question with this answer."""
    asked = question.model_dump(mode="json", exclude_defaults=True)
    return Embedded(
        kind=question.kind,
        question=json.dumps(asked, sort_keys=True, separators=(",", ":")),
        packed=np.frombuffer(pack(answer), np.uint8),
    )


def as_text(answers: Iterable[Embedded]) -> str:
    """All answers as the text of an element: packed, compressed and in base64."""
    squeezed = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    packed = squeezed.compress(pack(AllEmbedded(answers=tuple(answers)))) + squeezed.flush()
    return base64.b64encode(packed).decode()
