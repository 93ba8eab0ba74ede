"""The turned weights as a file that any other tool opens."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Bytes, Message

_NAME = "tuned.safetensors"


class Saved(Message):
    """The bytes of a safetensors file, and a name for it."""

    name: str
    content: Bytes


class SaveQuestion(Question[Saved]):
    """What would `desk.save` write after these turns?"""

    kind: ClassVar[str] = "save"
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Saved:
        """Write the file where nobody sees it; the browser keeps it where the person wants it."""
        with TemporaryDirectory(prefix="weightdesk-") as folder:
            path = Path(folder, _NAME)
            with session.desk(self.step, self.turns) as desk:
                desk.save(path)
            content = np.frombuffer(path.read_bytes(), np.uint8)
        return Saved(name=f"{Path(session.run.path).name}-{self.step}-{_NAME}", content=content)
