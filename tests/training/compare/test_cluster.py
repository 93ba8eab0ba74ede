"""Members on a cluster, with a stand-in for Ray that runs them here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from quickly import QUICK, TWO

from weightdesk.errors import OptionError
from weightdesk.training.compare import Comparison, compare


class RayError(Exception):
    pass


class FakeRay(ModuleType):
    """As much of Ray's documented interface as is used."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, dies: str = "") -> None:
        super().__init__("ray")
        self.dies, self.called = dies, list[Any]()

    def init(self, *, address: str, log_to_driver: bool) -> None:
        self.called.append(("init", address))
        if address == "nowhere":
            raise ConnectionError("nobody answers")

    def shutdown(self) -> None:
        self.called.append(("shutdown",))

    def remote(self, **options: Any) -> Callable[..., Any]:
        self.called.append(("remote", options))

        def decorate(function: Callable[..., Any]) -> Any:
            return SimpleNamespace(remote=lambda *given: _Reference(function, given))

        return decorate

    def wait(self, references: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return references[-num_returns:], references[:-num_returns]

    def get(self, reference: Any) -> Any:
        if self.dies and reference.given[1].name == self.dies:
            raise RayError("the worker died")
        return reference.function(*reference.given)


class _Reference:
    def __init__(self, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
        self.function, self.given = function, given


def test_a_cluster_gives_the_same_numbers(
    two_settings: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.chdir(tmp_path)
    found = compare("digits", TWO, "there", seeds=3, ray="local", **QUICK)
    assert found.verdict == two_settings.verdict
    assert ray.called == [
        ("init", "local"), ("remote", {"num_cpus": 1, "max_retries": 0}), ("shutdown",),
    ]  # fmt: skip


def test_a_dead_worker_loses_its_member_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(dies="zeros-seed0"))
    found = compare("xor", TWO, tmp_path, seeds=1, steps=4, ray="auto")
    assert found.unfinished == {"zeros-seed0": "killed: RayError: the worker died"}


def test_a_cluster_that_is_not_there_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay())
    with pytest.raises(OptionError, match="--ray: no cluster at nowhere: nobody answers"):
        compare("xor", TWO, tmp_path, seeds=1, steps=4, ray="nowhere")


def test_ray_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OptionError, match=r"pip install 'weightdesk\[cluster\]'"):
        compare("xor", TWO, tmp_path, seeds=1, steps=4, ray="local")
