"""Which training is better, and how sure that is: the tables of `weightdesk compare`, and its members."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from weightdesk.errors import OptionError
from weightdesk.explain.page import Section
from weightdesk.runs.format import MANIFEST
from weightdesk.server.questions.question import Question, finite
from weightdesk.server.questions.reading import ReadingTable, table_of
from weightdesk.server.session import Session
from weightdesk.server.wire import Message
from weightdesk.training.compare.comparison import Comparison
from weightdesk.training.compare.finals import ranked

_ROWS: Final = 100_000


class MemberFacts(Message):
    """A training of a comparison; `said` is why it did not finish, `opens` whether it has a run."""

    name: str
    setting: str
    seed: int
    status: str
    said: str
    score: float | None
    loss: float | None
    opens: bool


class Compared(Message):
    """A comparison as of now; the best setting comes first. A table that there is nothing for is null."""

    folder: str
    source: str
    verdict: str
    score: str | None
    part: str | None
    settings: tuple[str, ...]
    members: tuple[MemberFacts, ...]
    finals: ReadingTable | None
    contests: ReadingTable | None
    beginnings: ReadingTable | None
    signals: ReadingTable | None
    curves: tuple[ReadingTable, ...]
    weights: ReadingTable | None
    shrinkage: ReadingTable | None


class ComparisonQuestion(Question[Compared]):
    """Which setting of the comparison is better?"""

    kind: ClassVar[str] = "comparison"
    settled: ClassVar[bool] = False  # members may still be trained; a finished one is read once all the same
    long: ClassVar[bool] = True

    def answer(self, session: Session) -> Compared:
        """Read the comparison, or what was read of it before."""
        members = session.members
        if members is None:
            raise OptionError(f"{session.run.path} is a single run: open the folder of a comparison")
        found = Comparison(members.folder, members.record)
        return members.kept.get("comparison", repr(found.record), lambda: _compared(found))  # type: ignore[no-any-return]


def _compared(found: Comparison) -> Compared:
    order = ranked(found.results)
    first = found.results[order[0]][0] if order else None
    return Compared(
        folder=str(found.folder),
        source=Path(found.record.source).name,
        verdict=found.verdict,
        score=None if first is None else first.score,
        part=None if first is None else first.part,
        settings=(*order, *(each for each in found.record.options if each not in order)),
        members=_members(found),
        finals=_table(found.finals),
        contests=_table(found.contests),
        beginnings=_table(found.beginnings),
        signals=_table(found.signals),
        curves=tuple(table_of(each, _ROWS) for each in found.curves),
        weights=_table(found.weights),
        shrinkage=_table(found.shrinkage),
    )


def _members(found: Comparison) -> tuple[MemberFacts, ...]:
    done = {each.name: each for members in found.results.values() for each in members}
    return tuple(
        MemberFacts(
            name=name,
            setting=each["setting"],
            seed=each["seed"],
            status=each["status"],
            said=each["said"],
            score=finite(done[name].final[done[name].score]) if name in done else None,
            loss=finite(done[name].final["loss"]) if name in done else None,
            opens=(found.folder / name / MANIFEST).is_file(),
        )
        for name, each in found.record.members.items()
    )


def _table(part: Section | None) -> ReadingTable | None:
    return None if part is None else table_of(part, _ROWS)
