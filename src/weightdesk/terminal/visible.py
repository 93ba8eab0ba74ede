"""Text that cannot command a terminal: what has no shape of its own is shown as an escape."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SHOWN: Final = "\n\t"  # control characters that lay text out and do nothing else
_SUSPECT: Final = re.compile(r"[^\n\t\x20-\x7e]")


def visible(text: str) -> str:
    r"""The text with an escape for every character that a terminal acts on or does not show.

    These are control characters (ESC begins the commands of a terminal), marks that turn the direction of
    the text or have no width, line separators, surrogates, and what Unicode has not assigned.

    >>> visible("\x1b[2J gr\u00fcn \u202egnp.exe\r\n")
    '\\x1b[2J grün \\u202egnp.exe\\r\n'
    """
    return _SUSPECT.sub(_shown, text)


def json_visible(text: str) -> str:
    r"""JSON text with the escapes of JSON in the same places, so that it means the same.

    >>> json_visible('{"name": "\u202e\x9b"}')
    '{"name": "\\u202e\\u009b"}'
    """
    return _SUSPECT.sub(_shown_in_json, text)


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    return character if _has_shape(character) else _escaped(character)


def _shown_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if _has_shape(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _has_shape(character: str) -> bool:
    # A space of another width (Zs) is not printable to Python, but harmless: texts in French have them.
    return character.isprintable() or character in _SHOWN or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
