"""What took a while is computed once; what is damaged, or about something else, is computed again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from weightdesk.capture.cache import FOLDER, Cache
from weightdesk.runs.stores import open_store


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
    (file,) = (tmp_path / FOLDER).iterdir()
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
