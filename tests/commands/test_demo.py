from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from called import Call

import weightdesk
from weightdesk.training import Recipe


def test_the_demo_trains_digits_shows_the_run_and_says_how_to_read_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Recipe.create

    def short(source: str, **options: Any) -> Recipe:
        return create(source, **options, steps=4)

    monkeypatch.setattr(Recipe, "create", short)
    done = call("demo")
    assert done.code == 0
    for part in (
        "training cnn 1×8×8",
        "finished after 4 steps",
        "conv1",
        "weightdesk train --again runs/digits",
    ):
        assert part in done.out
    for command in re.findall(r"weightdesk ((?:explain|turn) [^#\n]*)", done.out):
        assert call(*shlex.split(command)).code == 0
    names: dict[str, Any] = {}
    lines = re.findall(r"^    (import .*|\w+ = .*|run\..*)$", done.out, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        exec(line, names)
    assert isinstance(names["run"], weightdesk.Run)
