from __future__ import annotations

import io

import pyarrow as pa
from rich.console import Console

from weightdesk.explain.page import Page, Section, section
from weightdesk.terminal.reasons import reasons, signed_bar


class Terms(Page):
    @property
    def title(self) -> str:
        return "hidden1.weight[3]"

    def sections(self) -> list[Section]:
        names = [f"pixel ({i}, {i})" for i in range(20)]
        return [
            section(
                "terms",
                {"input": names, "product": [1.0 - 0.1 * i for i in range(20)]},
                bars=["product"],
                note="they add up",
            ),
            section("nothing", {"input": pa.array([], pa.string())}),
        ]


def printed(width: int, rows: int = 12) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(reasons(Terms(), width, rows))
    return console.export_text()


def test_a_page_has_its_title_tables_notes_and_what_is_left_out() -> None:
    text = printed(80)
    for part in ("hidden1.weight[3]", "they add up", "pixel (3, 3)", "+0.7", "… and 8 more", "nothing"):
        assert part in text
    assert "pixel (12, 12)" not in text


def test_bars_go_to_both_sides_of_zero() -> None:
    lines = printed(80, rows=20).splitlines()
    assert "│████████" in lines[5]
    assert next(line for line in lines if "pixel (19, 19)" in line).rstrip().endswith("███████│")
    assert "│" not in next(line for line in lines if "pixel (10, 10)" in line)


def test_a_narrow_terminal_goes_without_bars() -> None:
    assert "│" not in printed(30)
    assert max(map(len, printed(30).splitlines())) <= 30


def test_the_least_values_still_have_a_bar() -> None:
    assert str(signed_bar(1e-9, 1.0)).strip() == "│▏"
    assert str(signed_bar(-1e-9, 1.0)).strip() == "█│"
    assert str(signed_bar(float("nan"), 1.0)) == str(signed_bar(None, 1.0)) == ""


def test_what_there_is_no_room_for_is_left_out_whole() -> None:
    wide = Wide()
    console = Console(width=40, record=True, file=io.StringIO())
    console.print(reasons(wide, 40))
    lines = console.export_text().splitlines()
    assert "column 1" in lines[3]
    assert "column 5" not in lines[3]
    assert max(map(len, lines)) <= 40
    assert lines[4].split() == ["+1.234e-05"] * len(lines[4].split())


class Wide(Terms):
    def sections(self) -> list[Section]:
        return [section("wide", {f"column {i}": [1.2345e-5] * 3 for i in range(6)})]


def test_a_few_rows_more_are_not_left_out() -> None:
    text = printed(80, rows=17)
    assert "pixel (19, 19)" in text
    assert "more" not in text
