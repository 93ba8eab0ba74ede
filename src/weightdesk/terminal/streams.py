"""Standard output and error of the command line: plain text only, and nobody need read it to the end.

All that is printed while `guarded_streams` lasts passes `visible`: results, errors, warnings, tracebacks. A
`TerminalConsole` writes beneath it, as its own colours are commands to the terminal, and filters its text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from weightdesk.terminal.visible import visible


class QuietStream:
    """A stream that drops what is written once its reader has gone, as in `weightdesk runs | head -1`.

    A training that is piped somewhere goes on, and what it learned is kept.

    Attributes:
        is_broken: whether the reader has gone.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_broken = False

    def write(self, text: str) -> int:
        if not self.is_broken:
            with self._unless_gone():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if not self.is_broken:
            with self._unless_gone():
                self._stream.flush()

    @contextmanager
    def _unless_gone(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.is_broken = True
            self._discard()
        except OSError as error:  # a full disk
            self._discard()
            raise OSError(error.errno, error.strerror, self._stream.name) from None

    def _discard(self) -> None:
        """Send what the stream still holds nowhere: Python would try to write it again when it ends."""
        with suppress(OSError, ValueError, AttributeError):  # no file of the system's is behind it
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class PlainStream(QuietStream):
    r"""A stream to which only `visible` text is written.

    Attributes:
        rich_proxied_file: what consoles of rich write to; Typer's help has colours, and no text of a user's.

    >>> import io
    >>> stream = PlainStream(QuietStream(io.StringIO()))
    >>> _ = stream.write("\x1b[2J")
    >>> stream.getvalue()
    '\\x1b[2J'
    """

    def __init__(self, stream: QuietStream) -> None:
        super().__init__(stream)  # type: ignore[arg-type]  # text streams have no common protocol
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(visible(text))
        return len(text)

    def flush(self) -> None:
        self.rich_proxied_file.flush()


@contextmanager
def guarded_streams() -> Iterator[list[QuietStream]]:
    """Put `sys.stdout` and `sys.stderr` behind a `PlainStream` for the time of the block.

    Yields:
        The guarded streams beneath, of those that are open.
    """
    before = sys.stdout, sys.stderr
    guarded = [None if each is None else QuietStream(each) for each in before]
    for stream in before:
        if hasattr(stream, "reconfigure"):
            # A terminal of another encoding shows "?" for what it lacks.
            stream.reconfigure(errors="replace")
    sys.stdout, sys.stderr = (None if each is None else PlainStream(each) for each in guarded)
    try:
        yield [each for each in guarded if each is not None]
    finally:
        sys.stdout, sys.stderr = before


def occupy_standard_descriptors() -> None:
    """Open the null device in place of standard streams that are closed.

    A file of a run would otherwise get the number of standard error, and what libraries print there would
    be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
