"""What took a while is computed once; what is damaged, or about something else, is computed again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from weightdesk.capture.cache import Cache
from weightdesk.runs.format import CAPTURE
from weightdesk.runs.stores import LocalStore, open_store


class Maker:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, Tensor]:
        self.times += 1
        return {"score": torch.full((2, 3), float(self.times)).T}


def test_a_kept_result_is_not_computed_again(tmp_path: Path) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    made = cache.get("probes", {"layer": "conv1", "seed": 0}, maker)
    found = cache.get("probes", {"seed": 0, "layer": "conv1"}, maker)
    assert maker.times == 1
    assert torch.equal(found["score"], made["score"])


@pytest.mark.parametrize(
    ("kind", "about"), [("probes", {"seed": 1}), ("cka", {"seed": 0}), ("probes", {"seed": 0, "step": 2})]
)
def test_about_something_else_it_is_computed(tmp_path: Path, kind: str, about: dict[str, int]) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    cache.get("probes", {"seed": 0}, maker)
    cache.get(kind, about, maker)
    assert maker.times == 2


def test_a_damaged_file_is_computed_again_and_mended(tmp_path: Path) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    cache.get("probes", {}, maker)
    (file,) = (tmp_path / CAPTURE).iterdir()
    file.write_bytes(b"no tensors")
    assert cache.get("probes", {}, maker)["score"][0, 0] == 2
    assert cache.get("probes", {}, maker)["score"][0, 0] == 2
    assert maker.times == 2


def test_without_a_store_nothing_is_kept() -> None:
    maker = Maker()
    Cache().get("probes", {}, maker)
    Cache().get("probes", {}, maker)
    assert maker.times == 2


def test_work_that_was_stopped_keeps_nothing(tmp_path: Path) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()

    def stopped() -> dict[str, Tensor]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("probes", {}, stopped)
    assert cache.get("probes", {}, maker)["score"][0, 0] == 1


@pytest.mark.parametrize("length", [1, 30])
def test_zeros_in_place_of_numbers_are_noticed(tmp_path: Path, length: int) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    cache.get("probes", {}, maker)
    (file,) = (tmp_path / CAPTURE).iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-length] + bytes(length))
    assert cache.get("probes", {}, maker)["score"][0, 0] == 2


def test_a_run_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    for error in (PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")):

        def refuse(*_: object, error: OSError = error) -> int:
            raise error

        monkeypatch.setattr(LocalStore, "write", refuse)
        assert cache.get("probes", {}, maker)["score"].shape == (3, 2)
    assert maker.times == 2
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / CAPTURE).symlink_to(tmp_path / "outside")
    cache, maker = Cache(open_store(tmp_path / "run")), Maker()
    for times in (1, 2):
        assert cache.get("probes", {}, maker)["score"][0, 0] == times
    assert list((tmp_path / "outside").iterdir()) == []
    (tmp_path / "run" / CAPTURE).unlink()
    (tmp_path / "run" / CAPTURE).write_text("a file of the user")
    assert cache.get("probes", {}, maker)["score"][0, 0] == 3


def test_a_kept_result_of_another_hand_that_cannot_be_parsed_is_computed_again(tmp_path: Path) -> None:
    cache, maker = Cache(open_store(str(tmp_path))), Maker()
    cache.get("probes", {}, lambda: {"other": torch.ones(1)})
    assert cache.get_parsed("probes", {}, maker, lambda arrays: arrays["score"].sum()) == 6
    assert maker.times == 1
    assert cache.get_parsed("probes", {}, maker, lambda arrays: arrays["score"].sum()) == 6
    assert maker.times == 1
