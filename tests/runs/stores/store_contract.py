"""What every store promises; each implementation's tests inherit this class."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weightdesk.errors import RunExistsError
from weightdesk.runs.format import FOLDERS
from weightdesk.runs.stores import Store

RUN = {
    "run.json": b'{\n  "format": "weightdesk run",\n  "version": 1\n}\n',
    "metrics/part-00000001-00000064.parquet": b"rows",
    "statistics/part-r3-00000001-00000001.parquet": b"rows",
    "sampled/part-00000001-100000000.parquet": b"rows",
    "passes/part-00000001-00000001.parquet": b"rows",
    "snapshots/00000000.safetensors": b"weights",
    "snapshots/00000000.extra.safetensors": b"gradients",
    "snapshots/123456789.safetensors": b"weights",
    "pieces/00000005-weights-r1.safetensors": b"weights",
    "capture/probes-0123456789abcdef.safetensors": b"results",
}
"""A file of each kind that a run has."""

THEIRS = (
    "best.pt",
    "network.pt2",
    "run.json.bak",
    "metrics.csv",
    "checkpoints/epoch3/model.pt",
    "metrics/part-of-my-thesis.parquet",
    "metrics/run.json",
    "snapshots/mine.safetensors",
    "snapshots/128.safetensors",
    "snapshots/00000128.safetensors.bak",
    "snapshots/backup/00000128.safetensors",
    "pieces/00000005.safetensors",
    "capture/notes.txt",
    "capture/00000128.safetensors",
    "data/snapshots/00000128.safetensors",
)
"""Files of a user, some of them named much like those of a run."""


class StoreContract:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        raise NotImplementedError

    def again(self, store: Store) -> Store:
        """A second handle of the same place, as another process would have."""
        return type(store)(store.location)  # type: ignore[call-arg]

    def put(self, store: Store, name: str, content: bytes = b"content") -> int:
        return store.write(name, lambda path: path.write_bytes(content))

    def test_gives_back_what_was_written(self, store: Store) -> None:
        assert self.put(store, "metrics/a.bin", b"0123456789") == 10
        assert store.read("metrics/a.bin") == b"0123456789"
        assert store.size("metrics/a.bin") == 10
        assert store.exists("metrics/a.bin")

    def test_replaces_a_file_as_a_whole(self, store: Store) -> None:
        self.put(store, "run.json", b"a long first version")
        self.put(store, "run.json", b"short")
        assert store.read("run.json") == b"short"

    @pytest.mark.parametrize(("offset", "length"), [(0, 3), (4, 2), (8, 10), (10, 1), (40, 3), (2, 0)])
    def test_reads_ranges_as_slices_do(self, store: Store, offset: int, length: int) -> None:
        self.put(store, "a.bin", b"0123456789")
        assert store.read_range("a.bin", offset, length) == b"0123456789"[offset : offset + length]

    def test_an_empty_file_is_a_file(self, store: Store) -> None:
        assert self.put(store, "a.bin", b"") == 0
        assert store.exists("a.bin")
        assert store.read_range("a.bin", 0, 5) == b""

    def test_lists_finished_files_of_one_folder(self, store: Store) -> None:
        for name in ("metrics/b", "metrics/a", "metrics/deeper/c", "run.json", "metrics/.hidden"):
            self.put(store, name)
        assert store.names("metrics") == ["metrics/a", "metrics/b"]
        assert store.names("") == ["run.json"]
        assert store.names("snapshots") == []

    def test_sees_files_of_another_handle(self, store: Store) -> None:
        assert store.names("metrics") == []
        self.put(self.again(store), "metrics/a")
        assert store.names("metrics") == ["metrics/a"]

    def test_a_file_is_invisible_until_it_is_whole(self, store: Store) -> None:
        def fill(path: Path) -> None:
            path.write_bytes(b"half")
            assert store.names("metrics") == []
            assert not store.exists("metrics/a")

        store.write("metrics/a", fill)
        assert store.names("metrics") == ["metrics/a"]

    def test_a_failed_write_leaves_nothing(self, store: Store) -> None:
        def fail(path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        self.put(store, "a.bin", b"old")
        with pytest.raises(OSError, match="No space left"):
            store.write("a.bin", fail)
        with pytest.raises(OSError, match="No space left"):
            store.write("fresh/b.bin", fail)
        assert store.read("a.bin") == b"old"
        assert not store.exists("fresh/b.bin")

    def test_a_missing_file_is_file_not_found(self, store: Store) -> None:
        for ask in (store.read, store.size, store.open_parquet, lambda name: store.read_range(name, 0, 1)):
            with pytest.raises(FileNotFoundError):
                ask("metrics/none")
        assert not store.exists("metrics/none")

    def test_deletes_and_does_not_mind_a_missing_file(self, store: Store) -> None:
        self.put(store, "metrics/a")
        store.delete("metrics/a")
        store.delete("metrics/a")
        assert not store.exists("metrics/a")

    def test_opens_parquet(self, store: Store) -> None:
        table = pa.table({"step": [1, 2, 3]})
        store.write("metrics/a.parquet", lambda path: pq.write_table(table, path))
        with pq.ParquetFile(store.open_parquet("metrics/a.parquet")) as file:
            assert file.read().equals(table)

    def test_clears_a_run_but_keeps_the_lease(self, store: Store) -> None:
        release = store.hold()
        for name, content in RUN.items():
            self.put(store, name, content)
        store.clear()
        assert [store.names(folder) for folder in ("", *FOLDERS)] == [[]] * (1 + len(FOLDERS))
        assert self.again(store).is_held()
        release()
        assert not self.again(store).is_held()

    def test_clears_by_the_names_of_the_format_alone(self, store: Store) -> None:
        for name in THEIRS:
            self.put(store, name, b"a week of work")
        for name, content in RUN.items():
            self.put(store, name, content)
        store.clear()
        for name in THEIRS:
            assert store.read(name) == b"a week of work"
        assert not any(store.exists(name) for name in RUN)

    def test_a_manifest_of_another_program_is_refused(self, store: Store) -> None:
        theirs = b'{"format": "another tool", "name": "weightdesk run"}'
        for name, content in (RUN | {"run.json": theirs}).items():
            self.put(store, name, content)
        with pytest.raises(RunExistsError, match=r"run\.json was not written by weightdesk"):
            store.clear()
        assert store.read("run.json") == theirs
        assert all(store.exists(name) for name in RUN)

    @pytest.mark.parametrize("content", [b"", bytes(300), b'{"format": "weightdesk run", "vers'])
    def test_a_damaged_manifest_is_no_reason_to_refuse(self, store: Store, content: bytes) -> None:
        for name in RUN:
            self.put(store, name, content)
        store.clear()
        assert not any(store.exists(name) for name in RUN)

    def test_files_of_a_run_without_its_manifest_are_refused(self, store: Store) -> None:
        self.put(store, "snapshots/00000128.safetensors")
        with pytest.raises(RunExistsError, match=r"files of a run such as snapshots/00000128"):
            store.clear()
        assert store.names("snapshots") == ["snapshots/00000128.safetensors"]

    def test_clears_nothing_that_is_no_run(self, store: Store) -> None:
        self.put(store, "thesis.tex")
        store.clear()
        assert store.names("") == ["thesis.tex"]

    def test_clearing_an_empty_place_is_fine(self, store: Store) -> None:
        store.clear()
        assert store.names("") == []

    def test_the_lease_is_held_until_it_is_released(self, store: Store) -> None:
        assert not store.is_held()
        release = store.hold()
        store.renew()
        assert store.is_held()
        assert self.again(store).is_held()
        release()
        release()
        store.renew()
        assert not store.is_held()
        self.again(store).hold()()

    def test_a_second_writer_is_refused(self, store: Store) -> None:
        release = store.hold()
        with pytest.raises(RunExistsError, match="being recorded by another process"):
            self.again(store).hold()
        release()
