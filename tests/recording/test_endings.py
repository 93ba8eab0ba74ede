"""How a training ended, told from the exception that left its loop."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.recording.endings import describe_error, ending_of, one_line, printable


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text of me")


ENDINGS: list[tuple[BaseException | None, tuple[str, str | None]]] = [
    (None, ("finished", None)),
    (SystemExit(), ("finished", None)),
    (SystemExit(0), ("finished", None)),
    (SystemExit(False), ("finished", None)),
    (SystemExit(3), ("failed", "SystemExit: 3")),
    (SystemExit("no data"), ("failed", "SystemExit: no data")),
    (SystemExit(0.0), ("failed", "SystemExit: 0.0")),
    (GeneratorExit(), ("finished", None)),
    (KeyboardInterrupt(), ("interrupted", None)),
    (asyncio.CancelledError(), ("interrupted", "CancelledError")),
    (BaseExceptionGroup("tasks", [KeyboardInterrupt()]), ("interrupted", None)),
    (ValueError("mine"), ("failed", "ValueError: mine")),
    (ValueError(), ("failed", "ValueError")),
    (SpeechlessError(), ("failed", "SpeechlessError")),
    (
        ExceptionGroup("of tasks", [ValueError("a"), KeyError("b")]),
        ("failed", "ExceptionGroup: of tasks (2 sub-exceptions): ValueError: a; KeyError: 'b'"),
    ),
]


@pytest.mark.parametrize(("error", "expected"), ENDINGS, ids=[repr(type(error)) for error, _ in ENDINGS])
def test_status_and_note(error: BaseException | None, expected: tuple[str, str | None]) -> None:
    status, note = ending_of(error)
    if isinstance(error, BaseExceptionGroup) and status == "interrupted":
        assert "KeyboardInterrupt" in str(note)
    else:
        assert (status, note) == expected
    assert status == expected[0]


def test_a_group_with_another_fault_among_interruptions_failed() -> None:
    group = BaseExceptionGroup("tasks", [KeyboardInterrupt(), ValueError("mine")])
    assert ending_of(group)[0] == "failed"


def test_a_thousand_members_are_one_short_line() -> None:
    group = ExceptionGroup("tasks", [ValueError("long " * 1000)] * 1000)
    assert len(describe_error(group)) <= 500


@given(st.text(st.characters(), max_size=2000))
def test_a_note_is_one_short_line_that_a_file_holds(text: str) -> None:
    note = one_line(text)
    assert len(note) <= 500
    assert not {"\n", "\r"} & set(note)
    assert printable(note) == note
    note.encode()


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("cannot open '/home/me/data/x.csv'", "cannot open 'x.csv'"),
        ("cannot open ~/data/x.csv", "cannot open x.csv"),
        (r"cannot open C:\Users\me\x.csv: gone", "cannot open x.csv: gone"),
        ("see https://example.org/a/b.html", "see https://example.org/a/b.html"),
        ("loss 3/4 of 1/2", "loss 3/4 of 1/2"),
        ("first\n\n   second\tthird", "first second third"),
    ],
)
def test_a_note_names_no_folder_of_the_machine(text: str, shorter: str) -> None:
    assert one_line(text) == shorter
