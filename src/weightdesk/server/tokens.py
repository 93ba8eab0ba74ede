"""Inputs that are numbers of tokens: how many tokens there are, and how text becomes some."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject

_NAMED: Final = 5  # things that a message lists

Numbers = list[int]


def vocabulary(subject: Subject) -> int | None:
    """How many tokens there are; None where the network takes something else."""
    if not subject.takes_tokens:
        return None
    if subject.tokens:
        return len(subject.tokens)
    tables = (each for each in subject.model.modules() if isinstance(each, nn.Embedding))
    table = next(tables, None)
    return int(subject.inputs.max()) + 1 if table is None else table.num_embeddings


def name_of(subject: Subject, number: int) -> str:
    """What a token is called; its number where it has no name."""
    return subject.tokens[number] if subject.tokens else str(number)


def numbers_of(subject: Subject, text: str) -> Numbers:
    """The tokens of a text: by the subject's own tokeniser, else by names, else read as numbers.

    Raises:
        OptionError: a part of the text is no token.
    """
    if subject.encode is not None:
        found = _encoded(subject, text)
    elif subject.tokens:
        found = _split(subject.tokens, text)
    else:
        found = [_number(word, vocabulary(subject) or 0) for word in text.split()]
    return checked(subject, found)


def text_of(subject: Subject, numbers: Sequence[int]) -> str:
    """A text of which just these tokens come; empty where none is known."""
    texts = (
        between.join(name_of(subject, each) for each in some)
        for some in (_unfilled(numbers), numbers)
        for between in (" ", "")
    )
    return next((text for text in texts if _gives(subject, text, numbers)), "")


def _unfilled(numbers: Sequence[int]) -> Sequence[int]:
    """Without the tokens at the end that repeat: a tokeniser may fill up short texts by itself."""
    end = len(numbers)
    while end > 1 and numbers[end - 1] == numbers[-1]:
        end -= 1
    return numbers[:end]


def _gives(subject: Subject, text: str, numbers: Sequence[int]) -> bool:
    try:
        return numbers_of(subject, text) == list(numbers)
    except OptionError:
        return False


def checked(subject: Subject, numbers: Sequence[float]) -> Numbers:
    """The numbers, if they are those of tokens.

    Raises:
        OptionError: there is none, or one is no token's.
    """
    count = vocabulary(subject) or 0
    if not numbers:
        raise OptionError("an input has at least one token")
    for each in numbers:
        if not 0 <= each < count or each != int(each):
            raise OptionError(f"token {each:g} does not exist: expected whole numbers 0…{count - 1}")
    return [int(each) for each in numbers]


def takes(session: Session, length: int) -> bool:
    """Whether the network takes so many tokens; it is tried."""
    inputs = session.subject.inputs
    known: bool = length == inputs.shape[1] or session.kept(
        "length", length, partial(_tried, session, length)
    )
    return known


def fitted(session: Session, numbers: Numbers) -> tuple[Numbers, str]:
    """As many tokens as the network takes, the last ones kept, and what was done to them."""
    count, length = len(numbers), session.subject.inputs.shape[1]
    if takes(session, count):
        return numbers, ""
    if count > length:
        return numbers[-length:], f"cut to the last {length} of {count} tokens: the network takes no more"
    name = name_of(session.subject, 0)
    told = f"{length - count} × token 0{f' “{name}”' if session.subject.tokens else ''} put in front"
    return [0] * (length - count) + numbers, f"{told}: the network takes just {length} tokens"


def _tried(session: Session, length: int) -> bool:
    subject = session.subject
    inputs: Tensor = subject.inputs
    given = inputs[:1, :1].expand(1, length)
    try:
        with torch.no_grad():
            subject.model(given)
    except Exception:  # networks refuse a length in any way: with errors of torch, or assertions of their own
        return False
    return True


def _encoded(subject: Subject, text: str) -> Numbers:
    assert subject.encode is not None
    try:
        return [int(each) for each in subject.encode(text)]
    except Exception as error:  # it is somebody's own
        raise OptionError(f"the tokeniser refuses this text: {type(error).__name__}: {error}") from error


def _split(names: Sequence[str], text: str) -> Numbers:
    """The longest known token at each place; between tokens without any space, space says nothing."""
    known = {name: number for number, name in reversed(list(enumerate(names))) if name}
    longest, skips = max(map(len, known), default=0), _apart(names)
    found, unknown, place = Numbers(), [""], 0
    while place < len(text):
        ends = range(min(len(text), place + longest), place, -1)
        end = next((each for each in ends if text[place:each] in known), None)
        if end is not None:
            found.append(known[text[place:end]])
        elif not (skips and text[place].isspace()):
            unknown[-1] += text[place]
            place += 1
            continue
        unknown += [""] if unknown[-1] else []
        place = end or place + 1
    if told := [repr(each) for each in dict.fromkeys(filter(None, unknown))]:
        some = ", ".join(map(repr, list(known)[::-1][:_NAMED]))
        raise OptionError(f"no token reads {_some(told)}: there are {len(known)}, such as {some}")
    return found


def _apart(names: Sequence[str]) -> bool:
    """Whether no token holds a space, so that spaces can stand between them."""
    return not any(letter.isspace() for name in names for letter in name)


def _number(word: str, count: int) -> int:
    try:
        return int(word)
    except ValueError:
        raise OptionError(
            f"{word!r} is no token number: expected whole numbers 0…{count - 1}, with spaces between"
        ) from None


def _some(told: Sequence[str]) -> str:
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more
