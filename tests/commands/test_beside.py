from __future__ import annotations

import pytest
from called import Call

from weightdesk.commands import beside, train
from weightdesk.commands.beside import DeskBeside


class Told:
    """In place of a process: notes what is asked of it."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.waited = 0

    def __call__(self, run: str) -> Told:
        self.opened.append(run)
        return self

    def wait(self) -> None:
        self.waited += 1


def test_a_training_opens_its_desk_once_and_stays_with_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    monkeypatch.setattr(train, "DeskBeside", told)
    assert call("train", "xor", "--steps", "3", "--open").code == 0
    assert (told.opened, told.waited) == (["runs/xor"], 1)


def test_without_the_option_no_desk_is_opened(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    monkeypatch.setattr(train, "DeskBeside", told)
    assert call("train", "xor", "--steps", "3").code == 0
    assert told.opened == []


def test_it_is_the_command_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        beside, "_MAIN", "import sys; sys.exit(sys.argv[1:] != ['open', 'a run', '--no-browser'])"
    )
    assert DeskBeside("a run", browser=False).wait() == 0
