from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from called import Call

from weightdesk import open_run
from weightdesk.statistics import bits

SHORT = ("--steps", "6")


def test_a_training_says_what_it_trains_what_came_out_and_what_to_type_next(call: Call) -> None:
    done = call("train", "xor", *SHORT, "--layers", "4")
    assert done.code == 0
    first, *_, result, following = done.out.splitlines()
    assert first == (
        "training mlp 2 → 4 → 2 with 22 weights on 700 examples of xor, 100 more held out; "
        "recorded in runs/xor"
    )
    assert result.startswith("finished after 6 steps in ")
    assert following == "next: weightdesk show runs/xor"
    assert "\x1b" not in done.out
    assert open_run("runs/xor").last_step == 6


def test_options_reach_the_recipe_and_the_recording(call: Call) -> None:
    arguments = ("--lr", "0.5", "--no-standardise", "--init", "zeros", "--run", "here", "--every", "2")
    assert call("train", "gauss", *SHORT, *arguments, "--cost", "none", "--disk", "50MB").code == 0
    run = open_run("here")
    assert run.recipe is not None
    assert (run.recipe["lr"], run.recipe["standardise"], run.recipe["init"]) == (0.5, False, "zeros")
    settings = run.manifest.recording
    assert (settings["cost"], settings["disk"], settings["every"]) == (None, 50_000_000, 2)
    assert run.steps == (0, 2, 4, 6)


def test_a_file_of_the_users_is_trained_on_and_named(call: Call) -> None:
    Path("my wine.csv").write_text("a,b\n" + "".join(f"{row},{row * 2}\n" for row in range(40)))
    done = call("train", "my wine.csv", "--target", "b", "--task", "regression", *SHORT)
    assert done.code == 0
    assert "examples of my wine.csv" in done.out
    assert Path("runs/my-wine/run.json").exists()


def test_a_second_run_gets_a_folder_of_its_own(call: Call) -> None:
    for _ in range(2):
        call("train", "xor", *SHORT)
    assert sorted(each.name for each in Path("runs").iterdir()) == ["xor", "xor-2"]


def test_json_is_one_document_and_progress_goes_elsewhere(call: Call) -> None:
    done = call("train", "radio", *SHORT, "--json")
    assert list(done.facts) == [
        "directory", "status", "steps", "loss", "metrics", "score", "seconds", "recording_cost", "best_step",
        "steps_per_second",
    ]  # fmt: skip
    assert (done.facts["steps"], done.facts["directory"]) == (6, "runs/radio")
    assert done.err.startswith("training neuron 3 → 1 with 4 weights")


def test_a_training_that_is_run_again_gives_the_same_bits(call: Call) -> None:
    call("train", "spirals", *SHORT, "--seed", "4")
    done = call("train", "--again", "runs/spirals")
    assert done.code == 0
    assert "weights: the same bits as runs/spirals in all 6 parameters after step 6" in done.out
    assert call("train", "--again", "runs/spirals", "--json").facts["again"] == {
        "original": "runs/spirals", "step": 6, "different": [], "parameters": 6, "same": True,
    }  # fmt: skip


def test_other_weights_are_a_finding(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    call("train", "xor", *SHORT)
    monkeypatch.setattr(bits, "same_bits", lambda one, other: len(one.shape) > 1)
    done = call("train", "--again", "runs/xor")
    assert done.code == 1
    assert "NOT the same bits as runs/xor: 3 of 6 parameters differ" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name what to train"),
        (("xor", "--again", "runs/x"), "not both"),
        (("xro",), "did you mean xor?"),
        (("nothing.csv",), "no file or folder at nothing.csv"),
        (("--again", "runs/x"), "no run.json in runs/x"),
        (("xor", "--lr", "fast"), "--lr must be a number above 0, got 'fast'"),
        (("xor", "--optimizer", "adma"), "did you mean adam?"),
        (("xor", "--network", "cnn"), "--network cnn needs"),
        (("xor", "--cost", "much"), "--cost must be a number of at least 0"),
        (("xor", "--cost", "7"), "from 0 to 1"),
        (("xor", "--every", "0"), "--every must be a whole number"),
        (("xor", "--disk", "lots"), "2GB"),
        (("xor", "--laers", "3"), "No such option: --laers"),
        (("xor", "and", "more"), "unexpected extra argument"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    call: Call, arguments: tuple[str, ...], words: str
) -> None:
    assert words in call("train", *arguments).is_refused()
    assert not Path("runs").exists()


def test_a_stored_recipe_takes_no_options(call: Call) -> None:
    call("train", "xor", *SHORT)
    assert (
        "leave --weight-decay out" in call("train", "--again", "runs/xor", "--weight-decay", "1").is_refused()
    )


def test_a_run_is_never_overwritten(call: Call) -> None:
    call("train", "xor", *SHORT)
    assert "give --run another folder" in call("train", "xor", "--run", "runs/xor").is_refused()


def test_a_folder_that_cannot_be_made_is_refused(call: Call) -> None:
    Path("file").touch()
    assert "file" in call("train", "xor", "--run", "file/run").is_refused()


def test_ctrl_c_ends_a_training_cleanly(tmp_path: Path) -> None:
    start = "import sys; from weightdesk.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "train", "xor", "--epochs", "1000000"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        assert process.stdout is not None
        assert b"training mlp" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"interrupted after" in out
    assert err == b""
    assert json.loads((tmp_path / "runs/xor/run.json").read_text())["status"] == "interrupted"
