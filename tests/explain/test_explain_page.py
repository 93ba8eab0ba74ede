from __future__ import annotations

import pytest

from weightdesk.explain.page import Page, Section, number, section


class Reasons(Page):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    @property
    def title(self) -> str:
        return "why <this> weight"

    def sections(self) -> list[Section]:
        names = [f"x{i}" for i in range(self.rows)]
        products = [float(i) - 1 for i in range(self.rows)]
        return [section("terms & co", {"input": names, "product": products}, bars=["product"], note="exact")]


def test_a_notebook_sees_the_tables_with_bars_and_nothing_unescaped() -> None:
    html = Reasons(3)._repr_html_()
    assert "why &lt;this&gt; weight" in html
    assert "terms &amp; co" in html
    assert html.count("<tr>") == 4
    assert html.count("inline-block") == 2  # none for zero
    assert "width:60px" in html
    assert "<p>exact</p>" in html
    assert "more rows" not in html


def test_a_long_table_is_cut_and_says_so() -> None:
    html = Reasons(100)._repr_html_()
    assert html.count("<tr>") == 31
    assert "70 more rows" in html


def test_the_main_table_is_the_first() -> None:
    assert Reasons(5).to_arrow().num_rows == 5


def test_a_page_without_content_is_a_mistake() -> None:
    with pytest.raises(NotImplementedError):
        Page().title  # noqa: B018
    with pytest.raises(NotImplementedError):
        Page().sections()


def test_numbers() -> None:
    assert [number(each) for each in (0.5, 2, None, "a")] == ["+0.5", "2", "", "a"]
