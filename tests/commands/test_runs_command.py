from __future__ import annotations

from pathlib import Path

from called import Call


def test_runs_are_listed_with_damaged_ones(call: Call) -> None:
    call("train", "xor", "--steps", "3")
    Path("runs/bad").mkdir()
    Path("runs/bad/run.json").write_text("{")
    done = call("runs")
    assert done.code == 0
    assert "runs/xor  ✓ finished" in done.out
    assert "✗ damaged  runs/bad/run.json is damaged" in done.out
    assert [each["status"] for each in call("runs", "--json").facts] == ["finished", "damaged"]


def test_an_empty_folder_says_how_to_make_a_run(call: Call) -> None:
    Path("empty").mkdir()
    done = call("runs", "empty")
    assert done.out == "no runs in empty yet: `weightdesk demo` or `weightdesk train digits` makes one\n"
    assert call("runs", "empty", "--json").facts == []


def test_no_folder_is_refused(call: Call) -> None:
    assert "no folder runs" in call("runs").is_refused()
