"""Reading a server's answers, however long they take, as long as the server lives.

PyMySQL's own read timeout ends the connection; here it only has the server asked whether it lives.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any

WRITE_SECONDS = 600
"""For one packet, of 16 MB at most, to be taken by the server, which reads whenever it is written to."""

_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 6))
"""A peer that is gone without a word is noticed after two minutes, not after two hours."""


class Listener(io.RawIOBase):
    """The socket's bytes; ``ask`` is called at each timeout of the socket, and may raise."""

    def __init__(self, sock: socket.socket, ask: Callable[[], None]) -> None:
        super().__init__()
        self._sock = sock
        self._ask = ask

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Some bytes, none at the end."""
        while True:
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                self._ask()


def listen(connection: Any, silence: float, ask: Callable[[], None]) -> None:
    """Has a PyMySQL connection read so, from after its login on; ``silence`` is in seconds."""
    sock = connection._sock  # noqa: SLF001 - PyMySQL has no other way to a socket of one's own after TLS
    if sock.family != socket.AF_UNIX:
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    connection._rfile.close()  # noqa: SLF001 - nothing is left in it: the login's last answer was read whole
    connection._rfile = io.BufferedReader(Listener(sock, ask))  # noqa: SLF001
    connection._read_timeout = silence  # noqa: SLF001 - what PyMySQL gives the socket before each answer
    connection._write_timeout = WRITE_SECONDS  # noqa: SLF001
