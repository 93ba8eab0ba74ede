from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from served import Served, served
from trainings import run_steps, small_network
from websockets.sync.client import ClientConnection

import weightdesk
from weightdesk.runs import open_run
from weightdesk.server.session import Session


def told(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=20))


def until(socket: ClientConnection, name: str, least: int, now: Any) -> Any:
    """Wait until what is told has at least so many."""
    while now[name] < least:
        grown = told(socket)
        assert grown != now
        now = grown
    return now


def test_the_page_is_told_while_the_run_is_written(tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=1, flush=0.1) as recording:
        run_steps(model, optimizer, 2)
        with served(Session(open_run(tmp_path / "run"))) as server, server.live() as socket:
            first = told(socket)
            assert first["status"] == "running"
            grown = until(socket, "snapshots", 2, first)
            run_steps(model, optimizer, 3)
            grown = until(socket, "snapshots", 5, grown)
            assert grown["status"] == "running"
            recording.close()
            run = open_run(tmp_path / "run")
            last = {"status": "finished", "last_step": run.last_step, "snapshots": len(run.steps)}
            while grown != last:
                grown = told(socket)
            assert server.ask("overview").message["steps"] == list(run.steps)


def test_a_run_that_does_not_grow_is_told_once(server: Served) -> None:
    with server.live() as socket:
        run = server.session.run
        assert told(socket) == {
            "status": "finished", "last_step": run.last_step, "snapshots": len(run.steps),
        }  # fmt: skip
        socket.send("what the page says is of no interest")
        with pytest.raises(TimeoutError):
            socket.recv(timeout=1.2)


def test_pages_come_and_go(server: Served) -> None:
    for _ in range(20):
        with server.live() as socket:
            told(socket)
    with server.live(origin=server.origin) as one, server.live() as other:
        assert told(one) == told(other)
    assert server.ask("overview").status == 200


def test_a_run_that_is_gone_for_the_moment_ends_nothing(tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=1):
        run_steps(model, optimizer, 2)
    with served(Session(open_run(tmp_path / "run"))) as server, server.live() as socket:
        assert told(socket)["last_step"] == 2
        (tmp_path / "run").rename(tmp_path / "away")
        refused = server.ask("metrics")
        assert refused.status in (200, 409)
        (tmp_path / "away").rename(tmp_path / "run")
        assert server.ask("metrics").status == 200
