"""The life of a recording inside the user's process: where it lies, how it ends, what it leaves behind."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from trainings import run_steps, small_network

from weightdesk import open_run, watch
from weightdesk.errors import OptionError, WatchError, WeightdeskError
from weightdesk.recording.recording import Recording
from weightdesk.runs.stores import LocalStore


def begin(place: Any, **options: Any) -> tuple[nn.Module, torch.optim.Optimizer, Recording]:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return model, optimizer, watch(model, optimizer, place, **options)


def test_a_relative_folder_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, optimizer, recording = begin("runs/mine", flush=0.01, check=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    run_steps(model, optimizer, 3)
    recording.close()
    assert recording.directory == str(tmp_path / "runs" / "mine")
    assert not list((tmp_path / "elsewhere").iterdir())
    run = open_run(tmp_path / "runs" / "mine")
    assert (run.status, run.last_step) == ("finished", 3)
    assert str(tmp_path) not in (tmp_path / "runs" / "mine" / "run.json").read_text()


def test_a_folder_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    *_, recording = begin("~/run")
    recording.close()
    assert recording.directory == str(tmp_path / "run")
    assert open_run(tmp_path / "run").status == "finished"


def test_bytes_and_addresses(tmp_path: Path) -> None:
    *_, recording = begin(os.fsencode(tmp_path / "run"))
    recording.close()
    assert recording.directory == str(tmp_path / "run")
    *_, recording = begin("memory://test-recording", overwrite=True)
    recording.close()
    assert recording.directory == "memory://test-recording"


@pytest.mark.parametrize("place", [3, None, "caf\udce9", "a\0b"])
def test_a_place_that_cannot_be_is_refused_in_one_line(place: Any, tmp_path: Path) -> None:
    with pytest.raises((OptionError, WatchError)) as refused:
        begin(place)
    assert len(str(refused.value).splitlines()) == 1


def test_without_a_home_or_a_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["nobody"])
    with pytest.raises(OptionError, match="knows no home folder"):
        begin("~/run")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(OptionError, match="cannot be found from here: FileNotFoundError"):
        begin("run")
    *_, recording = begin(tmp_path / "run")
    recording.close()
    assert open_run(tmp_path / "run").status == "finished"


@pytest.mark.parametrize("name", ["recipe", "parent", "seeds"])
def test_notes_that_json_cannot_hold_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"{name} goes into run.json"):
        begin(tmp_path / "run", **{name: {"of": object()}})
    assert not (tmp_path / "run").exists()


def test_text_and_numbers_that_json_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["caf\udce9.py"])
    *_, recording = begin(tmp_path / "run", recipe={"caf\udce9": ["\udce9", float("nan")]})
    recording.close()
    assert open_run(tmp_path / "run").manifest.recipe == {"caf\\udce9": ["\\udce9", "nan"]}
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), MemoryError(), KeyboardInterrupt()]
)
def test_a_watch_that_fails_leaves_nothing_behind(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with monkeypatch.context() as patch:
        patch.setattr("weightdesk.recording.recorder.Recorder._look_ahead", fail)
        with pytest.raises(
            KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else WatchError
        ) as refused:
            watch(model, optimizer, tmp_path / "run")
    assert isinstance(refused.value, KeyboardInterrupt) == isinstance(error, KeyboardInterrupt)
    assert len(str(refused.value).splitlines()) <= 1
    assert not optimizer._optimizer_step_pre_hooks
    assert not any(module._forward_hooks for module in model.modules())
    assert "weightdesk-writer" not in {thread.name for thread in threading.enumerate()}
    assert open_run(tmp_path / "run").status == "failed"
    watch(model, optimizer, tmp_path / "run", overwrite=True).close()


@pytest.mark.parametrize("raises", [True, False])
def test_a_cell_of_a_notebook_can_be_run_again(
    raises: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "last_value", ValueError("of an earlier cell"), raising=False)
    models, recordings = [], []

    def cell() -> None:
        model, optimizer, recording = begin(tmp_path / "run", overwrite=True)
        models.append(weakref.ref(model))
        recordings.append(recording)
        run_steps(model, optimizer, 3)
        if raises:
            raise ValueError("a mistake of mine")

    for _ in range(3):
        try:
            cell()
        except ValueError as error:
            monkeypatch.setattr(sys, "last_value", error.with_traceback(None))
    gc.collect()
    assert [recording.status for recording in recordings] == [
        *["failed" if raises else "finished"] * 2,
        "running",
    ]
    assert [recording.step for recording in recordings] == [3, 3, 3]
    assert [model() is None for model in models] == [True, True, False]
    assert open_run(tmp_path / "run").status == "running"
    recordings[-1].close()


def test_the_same_place_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    *_, first = begin(tmp_path / "run")
    *_, second = begin(tmp_path / "link" / "run", overwrite=True)
    assert (first.status, second.status) == ("finished", "running")
    second.close()


def test_a_refused_watch_leaves_the_recording_before_it_alone(tmp_path: Path) -> None:
    *_, recording = begin(tmp_path / "run")
    for options in ({"overwrite": False}, {"overwrite": True, "cost": 7}):
        with pytest.raises(WeightdeskError):
            begin(tmp_path / "run", **options)
    assert recording.status == "running"
    recording.close()


def test_a_closed_recording_keeps_neither_model_nor_copies(tmp_path: Path) -> None:
    model, optimizer, recording = begin(tmp_path / "run", cost=None, check=True)
    run_steps(model, optimizer, 3, lambda step, loss: recording.log(loss=loss))
    tensors = weakref.ref(model), weakref.ref(optimizer), weakref.ref(recording._recorder)
    copies = [weakref.ref(tensor) for tensor in recording._recorder._meter._copies.values()]  # type: ignore[union-attr]
    assert copies
    recording.close()
    del model, optimizer
    gc.collect()
    assert [each() for each in (*tensors, *copies)] == [None] * (3 + len(copies))
    assert (recording.status, recording.step) == ("finished", 3)
    assert recording.cost > 0
    recording.log(loss=1.0)


def test_a_frame_that_lives_on_keeps_no_copies(tmp_path: Path) -> None:
    """A notebook keeps the traceback of a cell that failed: here in the middle of the recorder."""
    *_, recording = begin(tmp_path / "run", every=1)
    recorder = recording._recorder
    recording.close()
    assert set(vars(recorder)) == {"step", "stopped"}


def test_a_recording_in_a_generator_that_nobody_asks_any_further(tmp_path: Path) -> None:
    def losses() -> Iterator[float]:
        model, optimizer, recording = begin(tmp_path / "run")
        with recording:
            while True:
                run_steps(model, optimizer, 1)
                yield 0.0

    for number, _ in enumerate(training := losses()):
        if number == 2:
            break
    training.close()
    assert open_run(tmp_path / "run").status == "finished"
    assert open_run(tmp_path / "run").last_step == 3


def test_a_status_that_does_not_exist(tmp_path: Path) -> None:
    *_, recording = begin(tmp_path / "run")
    with pytest.warns(RuntimeWarning, match="knows no status 'done' of a run: choose from finished"):
        recording.close("done", note="first\nsecond")
    run = open_run(tmp_path / "run")
    assert (run.status, run.manifest.note) == ("finished", "first second")


def test_a_recording_that_stopped_says_so_before_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, optimizer, recording = begin(tmp_path / "run", every=1, flush=0.01)
    missing = tmp_path / "a" / "b"
    monkeypatch.setattr("weightdesk.recording.sampling.Sampler.read", lambda *_: missing.read_text())
    with pytest.warns(RuntimeWarning, match="stopped recording"):
        run_steps(model, optimizer, 3)
    assert recording._telling is not None
    recording._telling.join()
    run = open_run(tmp_path / "run")
    note = "FileNotFoundError: [Errno 2] No such file or directory: 'b'"
    assert (recording.status, run.status, run.manifest.note) == ("stopped", "stopped", note)
    with pytest.raises(WeightdeskError):  # the lease is still ours
        LocalStore(tmp_path / "run").hold()
    recording.close()
    assert (run.status, run.manifest.note) == ("stopped", note)


def test_a_stop_beside_a_hook_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is then in the middle of its loop over hooks, which fails if one of them goes."""
    model, optimizer, recording = begin(tmp_path / "run")
    handle = optimizer.register_step_pre_hook(lambda *_: None)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording._recorder._sampled._sampler, "read", fail)  # type: ignore[union-attr]
    with pytest.warns(RuntimeWarning, match="No space left"):
        run_steps(model, optimizer, 3)
    handle.remove()
    recording.close()
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert open_run(tmp_path / "run").status == "stopped"


def test_scalars_of_several_threads(tmp_path: Path) -> None:
    model, optimizer, recording = begin(tmp_path / "run", flush=0.001)
    threads = [
        threading.Thread(target=lambda i=i: [recording.log(**{f"x{i}": each}) for each in range(300)])
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    run_steps(model, optimizer, 20)
    for thread in threads:
        thread.join()
    recording.close()
    run = open_run(tmp_path / "run")
    assert run.status == "finished"
    assert len(run.metrics["step"]) == len(set(run.metrics["step"].to_pylist()))


ENDINGS = {
    "sys.exit(0)": "finished",
    "sys.exit()": "finished",
    "sys.exit(3)": "failed",
    "os._exit(0)": "killed",
    "os.kill(os.getpid(), 9)": "killed",
    "raise ValueError(0)": "failed",
    "raise KeyboardInterrupt": "interrupted",
    "sys.stderr.close(); warnings.simplefilter('error'); recording.log(x='text')": "finished",
    "sys.stderr = None; recording.log(x='text')": "finished",
}


def test_every_end_of_a_program_is_told(tmp_path: Path) -> None:
    script = """
    import os, sys, warnings, torch, weightdesk
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    for number, end in enumerate(sys.argv[2:]):
        child = os.fork()
        if not child:
            recording = weightdesk.watch(model, optimizer, f"{sys.argv[1]}/{number}")
            with recording:
                optimizer.step()
                exec(end)
            break
        os.waitpid(child, 0)
    """
    environment = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), *ENDINGS],
        capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert {end: open_run(tmp_path / str(number)).status for number, end in enumerate(ENDINGS)} == ENDINGS, (
        done.stderr
    )


def test_a_standard_error_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    model, optimizer, recording = begin(tmp_path / "run")
    run_steps(model, optimizer, 2, lambda step, loss: recording.log(text="none"))
    recording.close()
    assert open_run(tmp_path / "run").status == "finished"
