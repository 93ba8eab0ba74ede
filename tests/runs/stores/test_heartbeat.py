from __future__ import annotations

import pytest

from weightdesk.errors import RunExistsError
from weightdesk.runs.stores import open_store
from weightdesk.runs.stores.heartbeat import LEASE, LIFETIME, Heartbeat


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_lease_that_is_not_renewed_runs_out() -> None:
    clock, store = Clock(), open_store("memory://runs-out")
    writer, reader = Heartbeat(store, clock), Heartbeat(store, clock)
    writer.hold()
    clock.now += LIFETIME - 1
    assert reader.is_held()
    clock.now += 2
    assert not reader.is_held()
    reader.hold()


def test_a_renewed_lease_lasts() -> None:
    clock, store = Clock(), open_store("memory://lasts")
    writer = Heartbeat(store, clock)
    writer.hold()
    for _ in range(10):
        clock.now += LIFETIME / 2
        writer.renew()
    assert Heartbeat(store, clock).is_held()
    with pytest.raises(RunExistsError, match="record to another place"):
        Heartbeat(store, clock).hold()


def test_renewing_often_writes_seldom() -> None:
    clock, store = Clock(), open_store("memory://seldom")
    writer = Heartbeat(store, clock)
    writer.hold()
    first = store.read(LEASE)
    clock.now += 1
    writer.renew()
    assert store.read(LEASE) == first
    clock.now += 10
    writer.renew()
    assert store.read(LEASE) != first


def test_a_damaged_lease_is_a_free_one() -> None:
    store = open_store("memory://damaged-lease")
    store.write(LEASE, lambda path: path.write_text("soon"))
    assert not Heartbeat(store).is_held()
