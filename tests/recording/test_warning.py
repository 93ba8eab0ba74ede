"""A warning never raises, and is not lost where it can be told at all."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

import pytest

from weightdesk.recording.warning import warn

FILTERS: dict[str, dict[str, Any]] = {
    "all": {"action": "error"},
    "ours by text": {"action": "error", "message": "weightdesk"},
    "ours by kind": {"action": "error", "category": RuntimeWarning},
}


@pytest.mark.parametrize("case", FILTERS)
def test_warnings_as_errors(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings(**FILTERS[case])
        warn("weightdesk says so")
    assert capsys.readouterr().err == "weightdesk says so\n"


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("action", ["error", "always"])
@pytest.mark.parametrize("stream", [None, Broken(), closed()], ids=["none", "broken pipe", "closed"])
def test_without_a_standard_error(stream: Any, action: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        # pytest keeps warnings for itself; this one is written to standard error, as Python does it
        monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: stream.write("shown"))
        warn("weightdesk says so")


def test_a_narrow_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", "strict")
    monkeypatch.setattr(sys, "stderr", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn("naïve \udce9")
    assert stream.buffer.getvalue() == b"na\\xefve \\udce9\n"  # type: ignore[attr-defined]


def test_a_showwarning_of_the_user_that_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("mine")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", fail)
        warn("weightdesk says so")
    assert "weightdesk says so" in capsys.readouterr().err
