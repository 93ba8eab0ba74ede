from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from reported import answers_in, every_layer, session_of
from torch import nn

from weightdesk import report
from weightdesk.errors import OptionError
from weightdesk.report import LARGEST, write_report
from weightdesk.runs import Run, open_run
from weightdesk.server import page as built_page
from weightdesk.server.session import Session

SCRIPT = 'export const page = "<!--<script></script>-->";'


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that is easily told from the rest of the file."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "desk.js").write_text(SCRIPT)
    (folder / "desk.css").write_text("main { color: red }")
    monkeypatch.setattr(built_page, "STATIC", folder)
    return folder


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return session_of(every_layer(), tmp_path / "run")


def test_it_holds_every_weight_gradient_and_update_that_the_run_keeps(
    session: Session, tmp_path: Path
) -> None:
    done = write_report(session, tmp_path / "run.html")
    answers, run = answers_in(tmp_path / "run.html"), session.run
    assert done.size == (tmp_path / "run.html").stat().st_size <= LARGEST
    assert done.notes == ()
    for name in [each.name for each in run.parameters.values()]:
        for step in run.steps:
            found = answers["weights", f'{{"parameter":"{name}","step":{step}}}']["values"]
            np.testing.assert_array_equal(found, run.weights(name, step))
        for step in run.gradient_steps:
            asked = f'{{"parameter":"{name}","step":{step},"what":"gradient"}}'
            np.testing.assert_array_equal(answers["weights", asked]["values"], run.gradient(name, step))
    assert len(answers["examples", "{}"]["inputs"]) == 40
    assert answers["network", '{"step":0}']["layers"][0]["kind"] == "Conv2d"
    assert answers["overview", "{}"]["steps"] == list(run.steps)


def test_it_tells_nothing_of_where_the_run_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my client" / "secret project" / "digits"
    session = session_of(every_layer(), folder)
    kept = "digits/snapshots/00000004.safetensors"
    note = f"No space left on device: '{folder.parent}/{kept}'"
    parent = {"run": f"{tmp_path}/my client/earlier", "step": 3}
    manifest = json.loads((folder / "run.json").read_text("utf-8"))
    changed = {**manifest, "status": "stopped", "note": note, "parent": parent}
    (folder / "run.json").write_text(json.dumps(changed), "utf-8")
    for name, path in (("absolute", str(folder)), ("relative", "."), ("above", "../digits")):
        monkeypatch.chdir(folder)
        write_report(Session(open_run(path), session.subject), tmp_path / f"{name}.html")
        answers = answers_in(tmp_path / f"{name}.html")
        assert answers["overview", "{}"]["path"] == "digits"
        told = [each["message"] for each in answers["events", "{}"]["events"]]
        assert "continued from earlier at step 3" in told
        assert [each for each in told if each.endswith(f"device: '{kept}'")]
        for part in (str(tmp_path), "my client", "secret project"):
            assert part not in repr(answers)


def test_it_refers_to_nothing_outside_and_its_script_does_not_end_early(
    session: Session, tmp_path: Path
) -> None:
    write_report(session, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text("utf-8")
    assert not re.findall(r"https?://", text)
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2
    assert "<!--" not in text


def test_what_there_is_no_room_for_is_thinned_out_gradients_first(session: Session, tmp_path: Path) -> None:
    whole = write_report(session, tmp_path / "whole.html").size
    some = write_report(session, tmp_path / "some.html", largest=int(whole * 0.85))
    assert some.size <= whole * 0.85
    assert len(some.notes) == 1
    assert some.notes[0].startswith("this file has gradients at 2 of 3 steps")
    overview = answers_in(tmp_path / "some.html")["overview", "{}"]
    assert overview["steps"] == list(session.run.steps)
    assert overview["notes"] == list(some.notes)
    write_report(session, tmp_path / "least.html", largest=1)
    least = answers_in(tmp_path / "least.html")["overview", "{}"]
    assert (least["steps"], least["gradient_steps"]) == ([0, 6], [])


def test_a_network_that_the_page_cannot_run_is_only_looked_at(tmp_path: Path) -> None:
    class Own(nn.Sequential):
        pass

    model = Own(nn.Flatten(), nn.Linear(64, 5))
    done = write_report(session_of(model, tmp_path / "run"), tmp_path / "run.html")
    answers = answers_in(tmp_path / "run.html")
    assert answers["overview", "{}"]["subject"] is None
    assert done.notes == (
        "weights can only be looked at in this file: the network is a Own, no nn.Sequential",
    )
    assert ("examples", "{}") not in answers


def test_a_run_of_somebodys_own_loop_is_only_looked_at(session: Session, tmp_path: Path) -> None:
    done = write_report(Session(session.run), tmp_path / "run.html")
    assert "known in Python only" in done.notes[0]


def test_it_refuses_in_one_line(session: Session, tmp_path: Path, page: Path) -> None:
    (tmp_path / "there.html").write_text("mine")
    with pytest.raises(OptionError, match="there already"):
        write_report(session, tmp_path / "there.html")
    assert (tmp_path / "there.html").read_text() == "mine"
    (page / "desk.js").unlink()
    with pytest.raises(OptionError, match="make web"):
        write_report(session, tmp_path / "new.html")


def test_it_refuses_a_run_without_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), tmp_path / "run")
    monkeypatch.setattr(type(session.run), "steps", ())
    with pytest.raises(OptionError, match="no snapshot"):
        write_report(session, tmp_path / "new.html")


def test_the_measured_statistics_of_a_normalisation_are_those_of_the_step(
    session: Session, tmp_path: Path
) -> None:
    write_report(session, tmp_path / "run.html")
    answers = answers_in(tmp_path / "run.html")
    means = [answers["network", f'{{"step":{step}}}']["layers"][1]["buffers"][0] for step in (0, 6)]
    assert means[0]["name"] == "running_mean"
    assert not np.array_equal(means[0]["values"], means[1]["values"])
    wanted = session.model(6).get_buffer("1.running_mean")
    torch.testing.assert_close(torch.tensor(means[1]["values"]), wanted)


def test_a_parameter_that_no_page_can_hold_is_refused(
    tmp_path: Path, digits_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "AT_ONCE", 1000)
    with pytest.raises(OptionError, match=r"hidden1.weight has 1,024 weights, .* `weightdesk open`"):
        write_report(Session(digits_run), tmp_path / "run.html")
    assert not (tmp_path / "run.html").exists()
