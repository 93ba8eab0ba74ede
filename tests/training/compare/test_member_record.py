"""`comparison.json` of anybody: what it holds is checked, and leads nowhere else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weightdesk.errors import RunFormatError, RunNotFoundError
from weightdesk.training.compare.record import FILE, Record, member_folder, read_record, write_record

LAYER = {
    "layer": "hidden1", "forward": 1.0, "forward_theory": None, "backward": 0.5, "backward_theory": 1,
    "factor": 2.0, "gradient": 0.1, "alike": False,
}  # fmt: skip
RECORD = Record(
    source="wine.csv",
    vary={"l2": [0, 0.1], "layers": ["8,4"], "standardise": [True]},
    options={"l2=0": {"l2": 0, "standardise": True}},
    seeds=[0, 2**63],
    members={"a-seed0": {"setting": "l2=0", "seed": 0, "status": "stopped early", "said": ""}},
    start={"l2=0": {"verdict": "even", "reason": "so", "layers": [LAYER]}},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def stored(folder: Path) -> Any:
    write_record(folder, RECORD)
    return json.loads((folder / FILE).read_text("utf-8"))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_is_read_or_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    content = stored(tmp_path)
    container, key = data.draw(st.sampled_from(places(content)))
    if data.draw(st.booleans()):
        container[key] = data.draw(JSON)
    else:
        del container[key]
    (tmp_path / FILE).write_text(json.dumps(content))
    said = ""
    try:
        found = read_record(tmp_path)
    except RunFormatError as error:
        said = str(error)
    else:
        assert all(member["setting"] in found.options for member in found.members.values())
        assert all(each == Path(each).name for each in found.members)
    assert "\n" not in said


@pytest.mark.parametrize("name", ["../secret", "..", ".", "", "a/b", "/tmp", "a\\b", "a\0b", "x" * 256])
def test_members_are_folders_inside(tmp_path: Path, name: str) -> None:
    content = stored(tmp_path)
    content["members"] = {name: content["members"]["a-seed0"]}
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(RunFormatError, match="must be that of a folder inside"):
        read_record(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "a").symlink_to(tmp_path)
    (tmp_path / "comparison" / "b").mkdir()
    with pytest.raises(RunFormatError, match="is a link out of the folder"):
        member_folder(tmp_path / "comparison", "a")
    assert member_folder(tmp_path / "comparison", "b").is_dir()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged: Expecting value"),
        (b"[1]", "not of a comparison"),
        (b"null", "not of a comparison"),
        (b'{"format":' + b"[" * 100_000, "nested too deep"),
        (b"\xff\xfe", "damaged: 'utf-8' codec"),
        (b'{"format": "weightdesk comparison", "version": 2}', "of another weightdesk"),
        (b'{"format": "weightdesk comparison", "version": 1}', "source: Field required"),
    ],
)
def test_what_is_no_comparison(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RunFormatError, match=words):
        read_record(tmp_path)


def test_only_a_file_of_bounded_size_is_read(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError):
        read_record(tmp_path)
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(RunFormatError, match="is no file"):
        read_record(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).touch()
    os.truncate(tmp_path / FILE, 1 << 40)
    with pytest.raises(RunFormatError, match="more than"):
        read_record(tmp_path)
