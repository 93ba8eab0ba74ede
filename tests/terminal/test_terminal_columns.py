from __future__ import annotations

from rich.console import Console
from rich.text import Text

from weightdesk.terminal.columns import Column, table

ROWS = ["runs/one", "runs/a-much-longer-name"]
NAME: Column[str] = Column("run", str)
LENGTH: Column[str] = Column("number of\nletters", lambda row: str(len(row)))
EXTRA: Column[str] = Column("extra", lambda row: Text("x" * 12), justify="left", optional=True)
SILENT: Column[str] = Column("silent", lambda row: "")


def shown(*columns: Column[str], width: int, fold: bool = False, rows: list[str] = ROWS) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table(rows, NAME, columns, width, fold=fold))
    lines = capture.get().splitlines()
    assert all(len(line) <= width for line in lines)
    return [line.rstrip() for line in lines]


def test_headings_stand_on_one_line_and_silent_columns_go() -> None:
    assert shown(LENGTH, SILENT, EXTRA, width=60)[:2] == [
        "                         number of",
        "run                        letters  extra",
    ]


def test_optional_columns_go_before_a_name_is_cut() -> None:
    assert shown(LENGTH, EXTRA, width=36)[-1] == "runs/a-much-longer-name         23"


def test_names_that_have_no_room_are_cut_or_folded() -> None:
    assert shown(LENGTH, width=26)[-1] == "runs/a-m…er-name        23"
    assert shown(LENGTH, width=26, fold=True)[-2:] == ["runs/a-much-long        23", "er-name"]


def test_brackets_in_names_are_no_markup() -> None:
    assert shown(LENGTH, width=40, rows=["runs/[bold]"])[-1].startswith("runs/[bold]")
