"""Whatever is typed and whatever lies in a file: a result, or one line that says what is wrong."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from weightdesk import cli
from weightdesk.commands.options import RECIPE, RECORDING

Outcome: TypeAlias = tuple[int, str, str]
Call: TypeAlias = Callable[..., Outcome]

TABLE = "a,b,y\n" + "\n".join(f"{i},{i % 7},{'no' if i % 2 else 'yes'}" for i in range(24)) + "\n"
ABSURD = (
    "", " ", "nan", "inf", "-inf", "1e400", "1e300", "1e38", "-1", "0", "0.5", "1e-320", str(2**31),
    str(2**63), str(2**70), "9" * 400, "9" * 5000, "1_0", "٣", "0x10", "a\0b", "\x1b[2J\u202e", "\udce9",
    "../..", "~nobody", "none", "true", ",", "1,", "1,,1", "1,2,0", "[1]", "'", "--", "2GB",
    "9" * 400 + "TB", "sgd", "mlp", "zeros", "x" * 300, "/", ".", "nosuch://x",
)  # fmt: skip
OPTIONS = [each for each in (*RECIPE, *RECORDING) if each.value and each.name not in ("run", "again")]
# Refused for other values; taken, these alone would train for minutes.
LONG = {"steps": 3, "epochs": 1, "examples": 300, "seeds": 2, "layers": 2000, "embedding": 64}

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `weightdesk` in an empty folder, as often as wanted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["weightdesk"])

    def weightdesk(*arguments: str) -> Outcome:
        sys.argv[:] = ["weightdesk", *arguments]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main()
        return code, out.getvalue(), err.getvalue()

    return weightdesk


def told(outcome: Outcome, *codes: int) -> str:
    """What was said, after a look that it is a result or one line of an error."""
    code, out, err = outcome
    assert code in (codes or (0, cli.UNUSABLE)), err
    assert not any(each in out + err for each in "\x1b\x07\u202e\udce9")
    if code == cli.UNUSABLE:
        assert err.startswith("error: "), err
        assert err.count("\n") == 1, err
    return err


def ran(folder: Path) -> bool:
    return any(folder.rglob("run.json"))


@fuzzed
@given(st.sampled_from(OPTIONS), st.sampled_from(ABSURD) | st.text(max_size=6))
def test_any_value_of_an_option_of_train(call: Call, tmp_path: Path, option: Any, value: str) -> None:
    if value.isdecimal() and int(value[:20]) > LONG.get(option.name, 10**30) and len(value) < 11:
        return  # a length or a size that somebody may want
    length = () if option.name in ("steps", "epochs") else ("--steps", "2")
    run = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    outcome = call("train", "xor", "--run", str(run), "--layers", "4", *length, f"{option.flag}={value}")
    told(outcome)
    assert (outcome[0] == 0) == ran(run)


@pytest.mark.parametrize(
    "run", ["", "a\0b", "~nobody-here/run", "nosuch://x", "x" * 300, "file.txt", "/proc/run"]
)
def test_any_place_of_a_run(call: Call, tmp_path: Path, run: str) -> None:
    (tmp_path / "file.txt").write_text("mine")
    assert told(call("train", "xor", "--steps", "1", "--run", run), cli.UNUSABLE)
    assert told(call("show", run), cli.UNUSABLE)
    assert not ran(tmp_path)


@fuzzed
@given(
    st.lists(st.tuples(st.integers(0, len(TABLE)), st.integers(0, 9), st.binary(max_size=9)), max_size=3),
    st.sampled_from(["t.csv", "t.tsv", "t.parquet", "t.npz"]),
    st.sampled_from([(), ("--text", "a"), ("--task", "regression"), ("--task", "classification")]),
)
def test_any_table(
    call: Call, tmp_path: Path, edits: list[tuple[int, int, bytes]], name: str, more: tuple[str, ...]
) -> None:
    content = TABLE.encode()
    for place, length, text in edits:
        content = content[:place] + text + content[place + length :]
    (tmp_path / name).write_bytes(content.replace(b",", b"\t") if name == "t.tsv" else content)
    run = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    outcome = call("train", name, "--target", "y", "--steps", "1", "--layers", "2", "--run", str(run), *more)
    told(outcome)
    assert (outcome[0] == 0) == ran(run)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Empty CSV file"),
        (b"a,b,y", "cannot read the table"),
        (b"a,b,y\n1,2,3\n", "too many to be classes"),
        (b"a,a,y\n1,2,3\n", "two columns of one name"),
        ("\ufeff" + TABLE, ""),
        (TABLE.encode("utf-16"), "save the table as UTF-8"),
        (TABLE.replace("y\n", "café\n", 1).encode("latin-1"), "save the table as UTF-8"),
        (
            TABLE.replace("3,3,no", "3,3,né").encode("latin-1"),
            "column 'y' holds other bytes; save the table as",
        ),
        (TABLE.replace("3,3,no", '"3,3,no'), "CSV parse error"),
        (TABLE.replace("3,3,no", "1e400,3,no"), "finite numbers"),
        (TABLE.replace("3,3,no", "nan,3,no"), "missing value in row 4"),
        (TABLE.replace("yes", "no"), "one class only"),
        ("a,y\n" + "\n".join(f"{2**60 + i},{i % 2}" for i in range(20)), "beyond ±2⁵³"),
        (TABLE.replace("3,3,no", "x" * 2_000_000 + ",3,no"), "text where numbers are needed"),
        (TABLE.replace("a,", "\x1b[2Ja,").replace("3,3", "x,3"), r"column '\x1b[2Ja' has text"),
    ],
)
def test_known_faults_of_tables_are_named(
    call: Call, tmp_path: Path, content: str | bytes, words: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    target = "café" if isinstance(content, bytes) and b"caf" in content else "y"
    said = told(call("train", "t.csv", "--target", target, "--steps", "1", "--run", "run"))
    assert words in said.replace("\\\\x1b", "\\x1b")
    assert bool(words) == (not ran(tmp_path))


@fuzzed
@given(st.data())
def test_any_picture(call: Call, tmp_path: Path, data: st.DataObject) -> None:
    for label in ("a", "b"):
        (tmp_path / "pictures" / label).mkdir(parents=True, exist_ok=True)
        for number in range(4):
            picture = Image.fromarray(np.full((8, 8, 3), 20 * number, np.uint8))
            picture.save(tmp_path / "pictures" / label / f"{number}.png")
    changed = tmp_path / "pictures" / "a" / "0.png"
    content = bytearray(changed.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    changed.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    run = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    options = ("--steps", "1", "--network", "mlp", "--layers", "2", "--image-size", "2")
    told(call("train", "pictures", *options, "--run", str(run)))
