from __future__ import annotations

from pathlib import Path

import pytest

from weightdesk.commands.folder import free_folder, refuse_taken
from weightdesk.errors import RunExistsError


def test_taken_names_are_counted_on(tmp_path: Path) -> None:
    taken = [free_folder("digits", tmp_path)]
    for _ in range(2):
        Path(taken[-1]).mkdir()
        taken.append(free_folder("digits", tmp_path))
    assert [Path(each).name for each in taken] == ["digits", "digits-2", "digits-3"]


@pytest.mark.parametrize(("name", "plain"), [("my data (1)", "my-data-1"), ("..", "run"), ("größe", "größe")])
def test_names_become_plain_folders(tmp_path: Path, name: str, plain: str) -> None:
    assert Path(free_folder(name, tmp_path)).name == plain


def test_a_folder_with_a_run_is_refused(tmp_path: Path) -> None:
    refuse_taken(str(tmp_path))
    (tmp_path / "run.json").touch()
    with pytest.raises(RunExistsError, match="give --run another folder"):
        refuse_taken(str(tmp_path))
