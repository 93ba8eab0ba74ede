"""The layers of the network as they run, and what can be read from them."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.capture.readings import READINGS, STORY, About
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Message


class CapturedLayer(Message):
    """A layer: `name` is its module's; of an embedding `units` are its directions."""

    name: str
    kind: str
    units: int


class ReadingFacts(Message):
    """A reading that fits this network: what it is called, and what it is about."""

    name: str
    title: str
    about: About


class Captured(Message):
    """Layers in the order in which they run; `examples` is how many are looked at."""

    layers: tuple[CapturedLayer, ...]
    readings: tuple[ReadingFacts, ...]
    examples: int
    part: str


class CapturedQuestion(Question[Captured]):
    """Which layers are there, and what can be read?"""

    kind: ClassVar[str] = "captured"
    runs: ClassVar[bool] = True

    def answer(self, session: Session) -> Captured:
        """Run the network once, with the weights of its first snapshot."""
        case = session.case(session.run.steps[0])
        return Captured(
            layers=tuple(
                CapturedLayer(name=each.name, kind=each.kind, units=each.units) for each in case.layers
            ),
            readings=tuple(
                ReadingFacts(name=name, title=each.title, about=each.about)
                for name, each in READINGS.items()
                if name != STORY and each.fits(case)
            ),
            examples=len(case.specimen),
            part=session.subject.part,
        )
