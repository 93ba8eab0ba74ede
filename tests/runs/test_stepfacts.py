from __future__ import annotations

import pytest

from weightdesk.errors import RunFormatError
from weightdesk.runs.stepfacts import read_step_facts


def test_reads_what_a_recording_writes() -> None:
    metadata = {
        "optimizer": '"Adam"',
        "options": '{"w": {"lr": 0.5, "betas": [0.9, 0.99]}}',
        "loss_scale": "2",
    }
    facts = read_step_facts(metadata, "a file")
    assert (facts.optimizer, facts.loss_scale) == ("Adam", 2.0)
    assert facts.options == {"w": {"lr": 0.5, "betas": [0.9, 0.99]}}
    assert read_step_facts({}, "a file").loss_scale is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("optimizer", "3"), ("optimizer", "Adam"), ("optimizer", "[" * 5000)),
        *(("options", "[]"), ("options", '{"w": 3}'), ("options", '{"w": {"lr": NaN}}'), ("options", "")),
        *(("loss_scale", '"x"'), ("loss_scale", "0"), ("loss_scale", "-2"), ("loss_scale", "true")),
        *(("loss_scale", "1e999"), ("loss_scale", "[1]")),
    ],
)
def test_anything_else_is_named(key: str, text: str) -> None:
    with pytest.raises(
        RunFormatError, match=f"a file is damaged: its metadata {key} cannot be read; expected"
    ):
        read_step_facts({key: text}, "a file")
