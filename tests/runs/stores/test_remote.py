from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from store_contract import StoreContract

from weightdesk.runs.stores import RemoteStore, Store


class TestRemoteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        yield RemoteStore("memory://bucket/run")
        fsspec.filesystem("memory").rm("/bucket", recursive=True)

    @pytest.fixture(autouse=True)
    def bucket(self) -> None:
        fsspec.filesystem("memory").makedirs("/bucket", exist_ok=True)


class TestRemoteStoreOnFiles(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return RemoteStore(f"file://{tmp_path}/run")


def test_a_slash_at_the_end_means_nothing() -> None:
    store = RemoteStore("memory://bucket/slash/")
    store.write("metrics/a", lambda path: path.write_bytes(b"1"))
    assert store.location == "memory://bucket/slash"
    assert RemoteStore("memory://bucket/slash").names("metrics") == ["metrics/a"]
