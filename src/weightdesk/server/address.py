"""Where a server listens, and by which link it is reached there."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any, Final

from weightdesk.errors import OptionError

LOOPBACK: Final = "127.0.0.1"
_LOCAL_NAMES: Final = frozenset({LOOPBACK, "localhost", "::1"})


@dataclass(frozen=True)
class Address:
    """An address of this machine.

    Attributes:
        host: as numbers, such as 127.0.0.1 or ::1.
        port: the port.

    >>> Address("::1", 8000).origin
    'http://[::1]:8000'
    >>> Address("0.0.0.0", 8000).origin
    'http://127.0.0.1:8000'
    """

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine itself reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_any(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    @property
    def names(self) -> frozenset[str]:
        """Names by which a browser may call it; empty if others may reach it, by whatever name."""
        return _LOCAL_NAMES | {self.host} if self.is_local else frozenset()

    @property
    def origin(self) -> str:
        """The beginning of a link that works on this machine."""
        loopback = "::1" if ":" in self.host else LOOPBACK
        return self.origin_at(loopback if self.is_any else self.host)

    def origin_at(self, name: str) -> str:
        """The beginning of a link with this name, or these numbers, for the machine."""
        # a zone, as of fe80::1%eth0, begins with a character that links give another meaning
        quoted = f"[{name.replace('%', '%25')}]" if ":" in name else name
        return f"http://{quoted}:{self.port}"


def listen(host: str, port: int) -> tuple[socket.socket, Address]:
    """Listen at an address.

    Arguments:
        host: numbers or a name of this machine.
        port: 0 for a free one.

    Raises:
        OptionError: there is no such address here, or the port is taken.
    """
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # a name may have addresses of both kinds, and the older kind is the one that every client knows
        family, _, _, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
        listening = _bound(family, place)
    except OSError as error:
        raise OptionError(
            f"cannot listen on {shown}: {error.strerror}; leave --port out for a free one, and --host for "
            "this machine alone"
        ) from None
    except UnicodeError:  # labels of a name are at most 63 letters long, and none is empty
        raise OptionError(f"cannot listen on {shown}: this is no name of a machine") from None
    known = listening.getsockname()
    return listening, Address(known[0], known[1])


def _bound(family: int, place: tuple[Any, ...]) -> socket.socket:
    # With the protocol named asyncio sends each answer at once; without, it lets them wait for more.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen()  # from here on a browser that is early waits
    except OSError:
        listening.close()
        raise
    return listening
