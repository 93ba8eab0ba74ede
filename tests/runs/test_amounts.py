"""Amounts of memory."""

from __future__ import annotations

import pytest

from weightdesk.errors import OptionError
from weightdesk.runs.amounts import parse_bytes


@pytest.mark.parametrize(
    ("text", "count"), [("2GB", 2 * 10**9), ("1.5 mb", 1_500_000), (7, 7), ("64", 64), ("2T", 2 * 10**12)]
)
def test_amounts(text: str | int, count: int) -> None:
    assert parse_bytes(text, "memory") == count


@pytest.mark.parametrize("text", ["much", -1, "", "2GiB", True, 1e9, None])
def test_what_is_no_amount(text: object) -> None:
    with pytest.raises(OptionError, match="2GB"):
        parse_bytes(text, "memory")  # type: ignore[arg-type]
