"""What `log` takes, under which names, and what it leaves out."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from weightdesk import open_run, watch
from weightdesk.recording.scalars import LONGEST_NAME, MOST_NAMES, ScalarColumns, as_scalar


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no text of me")


class Unreadable:
    def __float__(self) -> float:
        raise ArithmeticError("no number of me")


NUMBERS: dict[str, tuple[Any, float]] = {
    "int": (3, 3.0),
    "bool": (True, 1.0),
    "Decimal": (Decimal("0.25"), 0.25),
    "Fraction": (Fraction(1, 4), 0.25),
    "float32": (np.float32(1.5), 1.5),
    "longdouble": (np.longdouble(1.5), 1.5),
    "int8": (np.int8(-3), -3.0),
    "bool_": (np.bool_(True), 1.0),
    "array": (np.array([[2.5]]), 2.5),
    "tensor": (torch.tensor(2.5), 2.5),
    "gradient": (torch.tensor([[2.5]], requires_grad=True), 2.5),
    "int64": (torch.tensor(7), 7.0),
    "bool tensor": (torch.tensor(True), 1.0),
    "bfloat16": (torch.tensor(2.5, dtype=torch.bfloat16), 2.5),
    "infinity": (-math.inf, -math.inf),
    "infinite Decimal": (Decimal("inf"), math.inf),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case: str) -> None:
    given_, expected = NUMBERS[case]
    found = as_scalar(given_)
    assert type(found) is float
    assert found == expected


def test_not_a_number_stays_one() -> None:
    assert math.isnan(as_scalar(float("nan")))  # type: ignore[arg-type]
    assert math.isnan(as_scalar(torch.tensor(torch.nan)))  # type: ignore[arg-type]


NO_NUMBERS: dict[str, Any] = {
    "text": "resnet",
    "bytes": b"3",
    "None": None,
    "too large": 10**400,
    "too large a Decimal": Decimal("1e400"),
    "too large a longdouble": np.longdouble("1e400"),
    "complex": 1j,
    "complex64": np.complex64(1j),
    "datetime64": np.datetime64("2026-01-01"),
    "numpy text": np.str_("3"),
    "list": [1.0],
    "several": torch.ones(3),
    "none at all": torch.ones(0),
    "meta": torch.ones(1, device="meta"),
    "complex tensor": torch.ones(1, dtype=torch.complex64),
    "arrays": np.ones(3),
    "object": object(),
    "unprintable": Unprintable(),
    "unreadable": Unreadable(),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_what_is_no_number_is_left_out_and_told_once(case: str) -> None:
    columns = ScalarColumns()
    with pytest.warns(RuntimeWarning, match=r"weightdesk leaves out x=.*: log takes numbers") as told:
        taken = [columns.take({"x": NO_NUMBERS[case], "loss": 1}) for _ in range(50)]
    assert taken == [{"loss": 1.0}] * 50
    assert len(told) == len(columns.notes) == 1
    assert "\n" not in str(told[0].message)


def test_names_of_the_table_are_kept_under_others() -> None:
    columns = ScalarColumns()
    assert columns.take({"step": 1, "time": 2}) == {"logged_step": 1.0, "logged_time": 2.0}
    assert columns.take({"logged_step": 3}) == {"logged_step_2": 3.0}
    assert columns.take({"step": 4}) == {"logged_step": 4.0}


@given(st.lists(st.text(st.characters(), max_size=400), unique=True, max_size=30))
def test_any_names_come_to_columns_of_their_own(names: list[str]) -> None:
    columns = ScalarColumns()
    found = columns.take({name: float(number) for number, name in enumerate(names)})
    assert list(found.values()) == list(map(float, range(len(names))))
    assert not {"step", "time"} & found.keys()
    for column in found:
        column.encode()
        assert len(column) <= 4 * LONGEST_NAME


def test_names_without_end_are_bounded_and_told_once() -> None:
    columns = ScalarColumns()
    with pytest.warns(RuntimeWarning, match="1000 scalars at most") as told:
        kept = [column for number in range(10_000) for column in columns.take({f"loss_{number}": 1.0})]
    assert kept == [f"loss_{number}" for number in range(MOST_NAMES)]
    assert len(told) == 1
    assert columns.take({"loss_3": 2.0}) == {"loss_3": 2.0}


def test_texts_under_names_without_end_are_bounded() -> None:
    columns = ScalarColumns()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for number in range(3 * MOST_NAMES):
            columns.take({f"text_{number}": "no number"})
    assert len(told) <= MOST_NAMES


ODD_NAMES = [
    "step", "time", "a.b", "a/b", "\0", "", " ", "é", "caf\udce9", "\x1b[31m", "x" * 5000, "self", "\n",
]  # fmt: skip


@settings(max_examples=6)
@given(st.lists(st.text(max_size=20) | st.sampled_from(ODD_NAMES), unique=True, min_size=1, max_size=8))
def test_a_run_with_any_names_is_readable(names: list[str]) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    place = "memory://test-scalars"
    with watch(model, optimizer, place, overwrite=True) as recording:
        for step in range(2):
            recording.log(**{name: step + number / 100 for number, name in enumerate(names)})
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    table = open_run(place).metrics
    assert recording.status == "finished"
    assert table["step"].to_pylist() == [0, 1]
    rows = [list(row.values())[2:] for row in table.to_pylist()]
    assert rows == [[step + number / 100 for number in range(len(names))] for step in range(2)]


@pytest.mark.parametrize("filters", ["error", "default"])
@pytest.mark.parametrize("case", ["too large", "unprintable", "meta", "text"])
def test_log_never_raises_and_never_ends_the_recording(case: str, filters: str, tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    shown = io.StringIO()
    with warnings.catch_warnings(record=True) as told, contextlib.redirect_stderr(shown):
        warnings.simplefilter(filters)  # type: ignore[arg-type]
        with watch(model, optimizer, tmp_path / "run") as recording:
            for _ in range(20):
                model(torch.ones(1, 2)).sum().backward()
                optimizer.step()
                recording.log(x=NO_NUMBERS[case], loss=0.5)
    assert (shown.getvalue() + "".join(str(each.message) for each in told)).count("leaves out x") == 1
    run = open_run(tmp_path / "run")
    assert (run.status, run.metrics.column_names) == ("finished", ["step", "time", "loss"])
    assert [note for note in run.manifest.recording["notes"] if note.startswith("log left out x=")]
