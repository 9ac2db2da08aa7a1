"""A TCP proxy between the program and its server that can be told to go wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Passes on what comes. ``after`` bytes in the ``watched`` direction of all connections, ``act`` is called once."""

    server: tuple[str, int]
    watched: str = "down"
    after: int | None = None
    act: Callable[[Proxy], object] = lambda proxy: proxy.cut()
    passed: int = 0
    connections: int = 0
    frozen: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    refusing: bool = False
    _sockets: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def cut(self) -> None:
        """Resets every connection, and those to come."""
        self.refusing = True
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    one.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Passes nothing on any more, and says nothing."""
        self.frozen.set()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(self.server, 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._sockets += (client, server)
            for source, target, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(source, target, way), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        with suppress(OSError):
            while block := source.recv(16 << 10):
                if way == self.watched and self._reached(len(block)):
                    self.act(self)
                if self.frozen.is_set():
                    self.over.wait()
                    return
                target.sendall(block)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _reached(self, size: int) -> bool:
        with self._lock:
            before, self.passed = self.passed, self.passed + size
        return self.after is not None and before <= self.after < self.passed


@contextmanager
def proxy(server: tuple[str, int], **told) -> Iterator[Proxy]:
    """A proxy that listens while the block runs."""
    one = Proxy(server, **told)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        one._listener = listener
        threading.Thread(target=one.serve, daemon=True).start()
        try:
            yield one
        finally:
            one.over.set()
            one.cut()
            listener.shutdown(socket.SHUT_RDWR)
    for each in one._sockets:
        each.close()
