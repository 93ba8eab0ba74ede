"""The console of the command line: the one place where text of a run reaches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from weightdesk.terminal.visible import visible


class TerminalConsole(Console):
    r"""A console of rich whose text is `visible`: only its own styles and movements command the terminal.

    Arguments:
        stderr: whether to write to standard error.
        width: characters of a line; those of the terminal if left out.

    >>> console = TerminalConsole(width=40)
    >>> console.print("\x1b]0;title\x1b[2J")
    \x1b]0;title\x1b[2J
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        # Names may hold brackets and colons, which are no markup and no emoji.
        options: dict[str, Any] = {"width": width, "highlight": False, "markup": False, "emoji": False}
        super().__init__(file=_beneath(sys.stderr if stderr else sys.stdout), stderr=stderr, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render an object: rich takes every object, and every cell of a table, through here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def _beneath(stream: Any) -> Any:
    """The stream beneath those that filter text, which would show the console's own colours as text.

    A progress bar of rich puts one more in place of `sys.stdout` while it lasts.
    """
    while (proxied := getattr(stream, "rich_proxied_file", None)) is not None:
        stream = proxied
    return stream
