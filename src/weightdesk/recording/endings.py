"""How a training ended, in the words of `run.json`: from the exception that left its loop."""

from __future__ import annotations

import re
from typing import Final, Literal

Status = Literal["finished", "interrupted", "failed"]

_LONGEST: Final = 500
"""Characters of a note: a line that a table can show, not the whole array that an assertion printed."""
_MEMBERS: Final = 3
"""Exceptions of a group that are named; a group of a thousand tasks usually fails for one reason."""
# A folder in front of a file's name: of a POSIX path, of a home or of a Windows drive. Not of an address,
# whose slashes come after a colon, and not of a fraction such as 3/4.
_FOLDERS: Final = re.compile(r"(?<![\w:/\\.])(?:~\w*|[A-Za-z]:)?(?:[\\/]+[^\\/\s'\"<>|:*?]+)+[\\/]+")


def ending_of(error: BaseException | None) -> tuple[Status, str | None]:
    """Status and note of a training whose loop was left with this exception, or with none.

    `sys.exit()` and `sys.exit(0)` end a program that succeeded, and a generator that nobody asks any
    further is closed as if its loop had a `break`. Ctrl-C and a cancelled task are interruptions.

    >>> ending_of(SystemExit(0)), ending_of(SystemExit(3)), ending_of(KeyboardInterrupt())
    (('finished', None), ('failed', 'SystemExit: 3'), ('interrupted', None))
    """
    if error is None or isinstance(error, GeneratorExit):
        return "finished", None
    if isinstance(error, SystemExit) and _succeeded(error.code):
        return "finished", None
    if _interrupts(error):
        return "interrupted", None if isinstance(error, KeyboardInterrupt) else describe_error(error)
    return "failed", describe_error(error)


def describe_error(error: BaseException) -> str:
    """Type and message of an exception in one line of bounded length, without the machine's folders.

    >>> describe_error(FileNotFoundError(2, "No such file or directory", "/home/me/data.csv"))
    "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'"
    """
    try:
        text = str(error)
    except Exception:  # an exception of somebody else's, whose __str__ is broken
        text = ""
    if isinstance(error, BaseExceptionGroup):
        members = [describe_error(member) for member in error.exceptions[:_MEMBERS]]
        text = f"{text}: {'; '.join(members)}"
    return one_line(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def one_line(text: str) -> str:
    r"""Text as a note holds it: one printable line of bounded length, without folders of this machine.

    >>> one_line("first\n  second")
    'first second'
    """
    if len(text) > 100 * _LONGEST:  # nobody wants to wait for a gigabyte to be tidied
        text = text[: 100 * _LONGEST]
    return shortened(_FOLDERS.sub("", " ".join(printable(text, keep="\n\r\t").split())), _LONGEST)


def shortened(text: str, most: int) -> str:
    """Text of so many characters at most; one that was cut ends with an ellipsis.

    >>> shortened("abcdef", 6), shortened("abcdefg", 6)
    ('abcdef', 'abcde…')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str, keep: str = "") -> str:
    r"""Text whose control characters and lone surrogates are written as escapes: any file holds it.

    >>> printable("caf\udce9\0")
    'caf\\udce9\\x00'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in keep or not _is_control(character) else _escaped(character)
        for character in text
    )


def _is_control(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _succeeded(code: object) -> bool:
    """Whether Python ends with 0: text and other objects are printed, and the code is 1."""
    return code is None or (isinstance(code, int) and code == 0)


def _interrupts(error: BaseException) -> bool:
    """Whether somebody broke the training off: Ctrl-C, or a task that was cancelled, alone or in a group."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_interrupts, error.exceptions))
    # by its name: asyncio's and trio's are classes of their own, and to import either takes long
    cancelled = type(error).__name__ in ("CancelledError", "Cancelled") and not isinstance(error, Exception)
    return isinstance(error, KeyboardInterrupt) or cancelled
