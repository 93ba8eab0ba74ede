"""Text as the network takes it: numbers of tokens."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.tokens import checked, fitted, name_of, numbers_of, text_of
from weightdesk.server.wire import Integers, Message


class Tokens(Message):
    """Numbers of tokens, and what each is called.

    `text` gives just these, empty where no such text is known; `note` says what was done so that they fit,
    or, where there are none, why the text cannot be read.
    """

    numbers: Integers
    names: tuple[str, ...]
    text: str
    note: str


class TokensQuestion(Question[Tokens]):
    """Which tokens are in a text, or what do these numbers stand for?"""

    kind: ClassVar[str] = "tokens"
    runs: ClassVar[bool] = True

    text: Annotated[str, Field(max_length=20_000)] | None = None
    numbers: Annotated[tuple[int, ...], Field(max_length=65_536)] | None = None

    def answer(self, session: Session) -> Tokens:
        """Read the text, and make it fit the network."""
        subject = session.subject
        if not subject.takes_tokens:
            raise OptionError("this network takes no tokens: its inputs are not rows of whole numbers")
        if (self.text is None) == (self.numbers is None):
            raise OptionError("give either a text or numbers")
        if self.text is None:
            numbers, note = checked(subject, self.numbers or ()), ""
        else:
            try:
                numbers, note = fitted(session, numbers_of(subject, self.text))
            except OptionError as error:  # not refused: who types is not done yet
                numbers, note = [], str(error)
        return Tokens(
            numbers=numbers,
            names=tuple(name_of(subject, each) for each in numbers),
            text=text_of(subject, numbers) if numbers else "",
            note=note,
        )
