"""A session of a small run, and a server of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served import Served, served

from weightdesk.runs import Run
from weightdesk.server.session import Session


@pytest.fixture(scope="session")
def digits_session(digits_run: Run) -> Session:
    """The run on the desk; its answers depend on nothing that was asked before."""
    return Session(digits_run)


@pytest.fixture(scope="module")
def server(digits_session: Session) -> Iterator[Served]:
    """The desk's server."""
    with served(digits_session) as running:
        yield running
