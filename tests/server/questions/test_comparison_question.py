"""What the Compare page asks: each number is the one of the Python page of the same comparison."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from served import served

from weightdesk.errors import OptionError
from weightdesk.explain.page import Section
from weightdesk.runs import Run
from weightdesk.server.members import Members, is_comparison
from weightdesk.server.opening import open_place
from weightdesk.server.questions.comparison import ComparisonQuestion
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.questions.reading import ReadingTable
from weightdesk.server.session import Session
from weightdesk.training.compare import Comparison, compare
from weightdesk.training.compare.record import FILE


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("comparison") / "penalties"
    vary = {"init": ["zeros", "he_normal"], "l1": [0.0, 0.01]}
    return compare(
        "digits", vary, folder, seeds=2, workers=1, network="mlp", layers=(6,), dropout=0, steps=10
    )


@pytest.fixture(scope="module")
def session(comparison: Comparison) -> Session:
    return open_place(str(comparison.folder))


@pytest.fixture
def changed(comparison: Comparison, tmp_path: Path) -> Path:
    """A copy, of which one member has failed."""
    folder = tmp_path / "changed"
    shutil.copytree(comparison.folder, folder)
    tell(folder, next(iter(comparison.record.members)), status="failed", said="ValueError: no")
    shutil.rmtree(folder / next(iter(comparison.record.members)))
    return folder


def tell(folder: Path, member: str, **facts: str) -> None:
    content = json.loads((folder / FILE).read_text("utf-8"))
    content["members"][member] |= facts
    (folder / FILE).write_text(json.dumps(content), "utf-8")


def assert_same(told: ReadingTable | None, part: Section | None) -> None:
    assert told is not None
    assert part is not None
    assert (told.title, told.note, told.rows) == (part.title, part.note, part.table.num_rows)
    assert [each.name for each in told.columns] == part.table.column_names
    for column in told.columns:
        values = part.table[column.name].to_pylist()
        if column.words is not None:
            assert list(column.words) == values
        else:
            np.testing.assert_array_equal(column.numbers, np.array(values, float))


def test_every_table_is_that_of_the_python_page(comparison: Comparison, session: Session) -> None:
    found = ComparisonQuestion().answer(session)
    assert found.verdict == comparison.verdict
    for name in ("finals", "contests", "beginnings", "signals", "weights", "shrinkage"):
        assert_same(getattr(found, name), getattr(comparison, name))
    for told, part in zip(found.curves, comparison.curves, strict=True):
        assert_same(told, part)
    titles = {each.title for each in comparison.sections()}
    told = [found.finals, found.contests, found.beginnings, found.signals, found.weights, found.shrinkage]
    assert titles == {each.title for each in (*told, *found.curves) if each}


def test_settings_stand_by_rank_and_members_have_their_numbers(
    comparison: Comparison, session: Session
) -> None:
    found = ComparisonQuestion().answer(session)
    assert found.finals is not None
    assert found.settings == found.finals.columns[0].words
    assert [each.name for each in found.members] == list(comparison.record.members)
    results = {each.name: each for members in comparison.results.values() for each in members}
    for each in found.members:
        assert (each.score, each.loss) == (
            results[each.name].final["accuracy"],
            results[each.name].final["loss"],
        )
        assert each.opens


def test_a_failed_member_is_told_and_another_one_is_opened(changed: Path) -> None:
    session = open_place(str(changed))
    first, *others = ComparisonQuestion().answer(session).members
    assert (first.status, first.said, first.score, first.opens) == ("failed", "ValueError: no", None, False)
    assert session.name == others[0].name


def test_it_is_read_again_once_a_member_has_ended(changed: Path) -> None:
    session = open_place(str(changed))
    found = ComparisonQuestion().answer(session)
    assert ComparisonQuestion().answer(session) is found
    last = found.members[-1].name
    tell(changed, last, status="planned")
    assert ComparisonQuestion().answer(session).members[-1].status == "planned"


def test_each_member_is_on_the_desk_of_the_same_server(comparison: Comparison, session: Session) -> None:
    name = [*comparison.record.members][-1]
    with served(session) as server:
        told = server.request("POST", f"/ask/overview?member={name}", "{}").message
        assert Path(told["path"]).name == name
        assert told["seed"] == 1
        assert told["comparison"] == comparison.folder.name
        assert Path(server.ask("overview").message["path"]).name == session.name
        for wrong in ("nobody", "../penalties", "."):
            refused = server.request("POST", f"/ask/overview?member={wrong}", "{}")
            assert refused.status == 409
            assert "no member" in refused.line


def test_members_share_a_gauge_and_only_a_few_are_kept(comparison: Comparison) -> None:
    first = open_place(str(comparison.folder))
    names = [*comparison.record.members]
    kept = first.of_member(names[1])
    assert kept.gauge is first.gauge
    assert first.of_member(names[1]) is kept
    assert kept.of_member(first.name) is first
    for each in names[2:]:
        first.of_member(each)
    assert first.of_member(names[1]) is not kept


def test_a_single_run_has_no_comparison(digits_run: Run) -> None:
    session = Session(digits_run)
    assert OverviewQuestion().answer(session).comparison is None
    assert not is_comparison(digits_run.path)
    with pytest.raises(OptionError, match="is a single run: open the folder of a comparison"):
        ComparisonQuestion().answer(session)
    with pytest.raises(OptionError, match="a single run is open"):
        session.of_member("other")


def test_a_comparison_without_any_run_is_refused(changed: Path) -> None:
    for each in changed.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
    with pytest.raises(OptionError, match="has a run yet"):
        Members(changed)
