"""Whoever lends the threads, the whole work is done, by as many of them as were asked for."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from weightdesk.statistics import team
from weightdesk.statistics.measure import measure


@pytest.fixture(params=["torch's threads", "a pool"])
def lender(request: pytest.FixtureRequest) -> Iterator[str]:
    (team.join_torch if request.param == "torch's threads" else team.leave_torch)()
    yield request.param
    team.join_torch()


@pytest.mark.parametrize("threads", [1, 2])
def test_each_thread_is_called_with_the_address(lender: str, threads: int) -> None:
    seen: list[tuple[int, int]] = []

    def work(address: int) -> None:
        seen.append((address, threading.get_ident()))
        time.sleep(0.05)  # so that nobody can do the other's part as well

    team.together(ctypes.CFUNCTYPE(None, ctypes.c_ssize_t)(work), 42, threads)
    assert [address for address, _ in seen] == [42] * threads
    assert len({thread for _, thread in seen}) == threads


def test_who_lends_the_threads_changes_no_bit(lender: str) -> None:
    values = torch.randn(3_000_001, generator=torch.Generator().manual_seed(0))
    found, alone = measure([values], threads=2), measure([values], threads=1)
    assert found.totals.tobytes() == alone.totals.tobytes()
    assert found.histograms.tobytes() == alone.histograms.tobytes()


def test_without_torchs_threads_there_is_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    team.leave_torch()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    team.join_torch()
    assert not team._openmp
    monkeypatch.undo()
    team.join_torch()
    assert team._openmp


def test_a_thread_that_works_alone_leaves_the_others_as_they_are() -> None:
    everywhere, counts, results = torch.get_num_threads(), [], []
    numbers = torch.randn(1000, 100, generator=torch.Generator().manual_seed(0))

    def work() -> None:
        team.work_alone()
        counts.append(torch.get_num_threads())
        results.append(numbers.double().softmax(1))

    torch.set_num_threads(2)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert counts == [1]
        assert torch.get_num_threads() == 2
        assert torch.equal(results[0], numbers.double().softmax(1))
    finally:
        torch.set_num_threads(everywhere)
