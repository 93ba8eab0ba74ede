"""Questions as they come over a wire: found by name, checked, and answered as bytes."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from weightdesk.errors import OptionError, closest
from weightdesk.server.questions import QUESTIONS
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import pack


def read(kind: str, body: str | bytes) -> Question[Any]:
    """A question out of its JSON.

    Raises:
        OptionError: there is no such question, or a field of it is none; in one line.

    >>> read("overview", "{}").kind
    'overview'
    >>> read("overview", '{"step": 3}')
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: overview: step: Extra inputs are not permitted
    """
    if kind not in QUESTIONS:
        raise OptionError(f"nothing is called {kind[:40]!r}; {closest(kind[:40], QUESTIONS)}")
    try:
        return QUESTIONS[kind].model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = "".join(f"{part}: " for part in (kind, ".".join(map(str, first["loc"]))) if part)
        raise OptionError(where + first["msg"]) from None


def answered(question: Question[Any], session: Session) -> bytes:
    """The packed answer."""
    return pack(question.answered(session))


def line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())
