from __future__ import annotations

import socket
from contextlib import closing

import pytest

from weightdesk.errors import OptionError
from weightdesk.server.address import Address, listen


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:{port}"),
        ("localhost", "http://127.0.0.1:{port}"),
        ("127.0.0.2", "http://127.0.0.2:{port}"),
        ("::1", "http://[::1]:{port}"),
        ("0:0:0:0:0:0:0:1", "http://[::1]:{port}"),
        ("0.0.0.0", "http://127.0.0.1:{port}"),
        ("::", "http://[::1]:{port}"),
    ],
)
def test_the_link_leads_to_where_it_listens(host: str, origin: str) -> None:
    listening, address = listen(host, 0)
    with closing(listening):
        assert address.origin == origin.format(port=address.port)
        name = address.origin.removeprefix("http://").rpartition(":")[0].strip("[]")
        with closing(socket.create_connection((name, address.port), timeout=10)):
            listening.accept()[0].close()


@pytest.mark.parametrize(
    ("host", "is_local", "is_any"),
    [
        ("127.0.0.1", True, False),
        ("127.1.2.3", True, False),
        ("::1", True, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("192.168.1.5", False, False),
        ("fe80::1%eth0", False, False),
    ],
)
def test_who_reaches_it(host: str, is_local: bool, is_any: bool) -> None:
    address = Address(host, 8000)
    assert (address.is_local, address.is_any) == (is_local, is_any)
    assert address.names == ({"127.0.0.1", "localhost", "::1", host} if is_local else set())


def test_a_link_quotes_what_has_another_meaning_in_links() -> None:
    assert Address("fe80::1%eth0", 80).origin == "http://[fe80::1%25eth0]:80"
    assert Address("0.0.0.0", 80).origin_at("my-machine") == "http://my-machine:80"


@pytest.mark.parametrize("host", ["256.0.0.1", "no such name", "x" * 300, "..", "203.0.113.7"])
def test_what_is_no_address_of_this_machine_is_refused_in_one_line(host: str) -> None:
    with pytest.raises(OptionError, match="cannot listen on") as refused:
        listen(host, 0)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_refused() -> None:
    first, address = listen("127.0.0.1", 0)
    with closing(first), pytest.raises(OptionError, match=f"127.0.0.1:{address.port}: .*--port"):
        listen("127.0.0.1", address.port)
