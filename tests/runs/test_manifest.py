from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import RunFormatError
from weightdesk.runs import Manifest, Store, open_store
from weightdesk.runs.manifest import STATUSES, read_manifest, write_manifest

FULL = Manifest(
    status="failed",
    note="ValueError: Ü",
    created="2026-01-31T12:00:00+00:00",
    closed="2026-01-31T12:01:00+00:00",
    last_step=17,
    model={"class": "Net", "parameters": []},
    optimizers=[{"class": "SGD", "groups": []}],
    recipe={"name": "digits"},
    seeds={"torch": 3},
    versions={"weightdesk": "0.1.0"},
    git={"commit": "abc", "changed": False},
    command=["weightdesk", "train"],
    recording={"cost": 0.02},
)


def store_with(text: str) -> Store:
    store = open_store("memory://manifests")
    store.write("run.json", lambda path: path.write_text(text))
    return store


def test_comes_back_as_it_was() -> None:
    store = open_store("memory://manifests")
    write_manifest(store, FULL)
    assert read_manifest(store) == FULL


def test_is_readable_and_keeps_its_order() -> None:
    store = open_store("memory://manifests")
    size = write_manifest(store, FULL)
    text = store.read("run.json").decode()
    assert size == len(text.encode())
    assert text.startswith('{\n  "format": "weightdesk run",\n  "version": 1,\n  "status": "failed"')
    assert "Ü" in text
    assert list(json.loads(text))[-1] == "recording"


def test_has_a_line_for_each_parameter_and_for_its_sampled_places() -> None:
    store = open_store("memory://manifests")
    parameters = [{"name": name, "shape": [3, 2]} for name in ("a", "b")]
    recording = {"sampled": {"a": [0, 5], "b": [1]}, "notes": []}
    write_manifest(store, Manifest(created="", model={"parameters": parameters}, recording=recording))
    lines = [line.strip() for line in store.read("run.json").decode().splitlines()]
    assert {'{"name": "b", "shape": [3, 2]}', '"a": [0, 5],', '"notes": []'} <= set(lines)


TEXT = st.text(st.characters(exclude_categories=("Cs",)))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    )
)
def test_holds_whatever_json_holds(recipe: object) -> None:
    store = open_store("memory://manifests")
    entries = {"recipe": {"of the user": recipe}, "recording": {"facts": recipe}}
    write_manifest(store, Manifest(created="", **entries))
    content = json.loads(store.read("run.json"))
    assert {name: content[name] for name in entries} == entries


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "tensorboard"}, 'expected a JSON object with "format": "weightdesk run"'),
        (
            {"version": 2},
            "format version 2, this weightdesk reads 1: install the weightdesk that wrote it, or",
        ),
        ({"version": 2, "versions": {"weightdesk": "9.1"}}, "wrote it, version 9.1"),
        ({"version": 2, "versions": {"weightdesk": "9" * 41}}, "wrote it, or a newer one$"),
        ({"version": 2, "versions": {"weightdesk": "9\r\n1"}}, "wrote it, version 9 1$"),
        ({"version": "a\x1b[31mb\r\n"}, r"format version 'a\\x1b\[31mb\\r\\n', this weightdesk reads 1"),
        ({"version": "x" * 5000}, f"format version '{'x' * 39}…, this"),
        ({"created": None}, "damaged: it has no created"),
        ({"status": ["x\n"]}, r"status \['x\\n'\], expected running"),
        (
            {"recording": {"sampled": {"x" * 5000: []}}},
            f"damaged: its recording.sampled.{'x' * 40}.\\[key\\] is",
        ),
        ({"status": "sleeping"}, "status 'sleeping', expected running, finished"),
    ],
)
def test_refuses_what_is_no_run_of_this_version(change: dict[str, Any], words: str) -> None:
    content = {"format": "weightdesk run", "version": 1, "created": "now", "status": "running"} | change
    content = {key: value for key, value in content.items() if value is not None}
    with pytest.raises(RunFormatError, match=words) as caught:
        read_manifest(store_with(json.dumps(content)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", '{"format": "weightdesk run", "vers', "[1]", "\xff\xfe"])
def test_refuses_damaged_text(text: str) -> None:
    with pytest.raises(RunFormatError, match=r"memory://manifests/run.json is (damaged|not of a run)"):
        read_manifest(store_with(text))


def test_a_field_of_a_later_release_is_passed_over() -> None:
    content = {"format": "weightdesk run", "version": 1, "status": "running", "created": "now", "mood": 1}
    assert read_manifest(store_with(json.dumps(content))).created == "now"


def test_a_missing_file_is_file_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        read_manifest(open_store("memory://no-manifest"))


def test_killed_is_never_stored() -> None:
    assert "killed" not in STATUSES


def test_writes_only_json_that_everybody_reads(record: Callable[..., Store]) -> None:
    store = record()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_manifest(store, Manifest(created="now", seeds={"x": float("nan")}))
    assert read_manifest(store).status == "finished"
