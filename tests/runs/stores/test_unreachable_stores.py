"""Addresses that cannot be reached, and file systems that fail in their own ways."""

from __future__ import annotations

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from weightdesk.errors import OptionError, RunFormatError
from weightdesk.runs import find_runs, open_run, open_store


class Failing(MemoryFileSystem):  # type: ignore[misc]
    protocol = "failing"

    def cat_file(self, *_arguments: object, **_options: object) -> bytes:
        raise LookupError("no credentials\nfound")

    def size(self, path: str) -> int:
        return 2

    def info(self, *_arguments: object, **_options: object) -> dict[str, object]:
        raise LookupError("no credentials")

    def isfile(self, path: str) -> bool:
        raise TimeoutError("waited")


@pytest.mark.parametrize(
    "address",
    ["nosuch://x", "://x", "://", "~nobody-here/run", "~nobody-here", "", "a\0b", "http+nosuch://a/b"],
)
def test_what_is_no_address_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(OptionError) as refused:
        open_store(address)
    assert "\n" not in str(refused.value)


def test_keys_in_an_address_are_not_repeated() -> None:
    with pytest.raises(OptionError, match=r"^nosuch://bucket/x cannot be reached") as refused:
        open_store("nosuch://key:SECRET@bucket/x?token=SECRET")
    assert "SECRET" not in str(refused.value)


def test_failures_of_a_file_system_are_errors_of_the_system() -> None:
    fsspec.register_implementation("failing", Failing, clobber=True)
    store = open_store("failing://user:SECRET@a/run")
    with pytest.raises(OSError, match=r"^failing://a/run cannot be reached: LookupError: no credentials"):
        store.read("run.json")
    with pytest.raises(TimeoutError, match=r"^waited$"):
        store.exists("run.json")
    with pytest.raises(RunFormatError, match=r"run.json cannot be read: failing://a/run cannot be reached"):
        open_run("failing://a/run")


def test_folders_of_unknown_users_hold_no_runs() -> None:
    with pytest.raises(OptionError, match="knows no user 'nobody-here'"):
        find_runs("~nobody-here/runs")
