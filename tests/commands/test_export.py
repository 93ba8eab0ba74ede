from __future__ import annotations

from pathlib import Path

import pytest
from called import Call

from weightdesk.server import page


def test_a_run_is_written_once_as_one_file(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("desk.js", "desk.css"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(page, "STATIC", tmp_path)
    assert call("train", "xor", "--steps", "4", "--cost", "none", "--every", "1").code == 0
    done = call("export", "runs/xor", "--html", "xor.html")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("xor.html: 0.")
    assert "weightdesk-run" in Path("xor.html").read_text("utf-8")
    assert "there already" in call("export", "runs/xor", "--html", "xor.html").is_refused()


def test_a_missing_run_or_folder_is_refused(call: Call) -> None:
    assert "nowhere" in call("export", "nowhere", "--html", "run.html").is_refused()
