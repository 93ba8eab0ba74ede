"""The widget: gives the page to the notebook, and answers its messages in the kernel.

The page sends `{"id", "kind", "question"}`; the answer to it is `{"id"}` with the packed bytes as its one
buffer, or `{"id", "error": "one line"}`. It asks one question at a time and drops what it no longer needs
to know before asking, so nothing stale waits here.
"""

from __future__ import annotations

import json
from typing import Any, Final

import traitlets
from anywidget import AnyWidget

from weightdesk.errors import WeightdeskError
from weightdesk.server.asking import answered, line, read
from weightdesk.server.page import page_file
from weightdesk.server.session import Session

_BROKEN: Final = "the kernel could not answer; its log says why"


class DeskWidget(AnyWidget):
    """The desk of a session as the output of a cell.

    Arguments:
        session: the run, with its network where weights are to be turned.
        height: on the page, in pixels; can be set later, too.
        at: what is looked at, as in the link of a page behind #; it follows what the reader does.

    Raises:
        OptionError: the page was not built.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(min=1).tag(sync=True)
    at = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session, height: int, at: str = "") -> None:
        esm, css = (page_file(name).read_text("utf-8") for name in ("desk.js", "desk.css"))
        super().__init__(_esm=esm, _css=css, height=height, at=at)
        self._session = session
        self.on_msg(self._answer)

    def _answer(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Answer in any case: the page waits for it before it asks again."""
        number = content.get("id")
        try:
            question = read(str(content.get("kind")), json.dumps(content.get("question")))
            packed = answered(question, self._session)
        except (WeightdeskError, OSError) as error:
            self.send({"id": number, "error": line(error)})
        except BaseException:  # also when the kernel is interrupted
            self.send({"id": number, "error": _BROKEN})
            raise
        else:
            self.send({"id": number}, [packed])
