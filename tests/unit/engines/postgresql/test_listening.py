"""What waiting for a server's answers needs of the driver."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import closing
from typing import Any

from psycopg import waiting


def test_the_driver_tells_of_each_interval_without_news() -> None:
    """Before psycopg 3.2.11 its compiled loop did not: a server that froze was waited for without an end."""
    here, there = socket.socketpair()

    def waits() -> Generator[Any, Any, Any]:
        return (yield waiting.WAIT_R)

    with closing(here), closing(there):
        news = threading.Timer(1.0, there.send, (b"news",))
        news.start()
        assert not waiting.wait(waits(), here.fileno(), interval=0.01)
        news.cancel()
        news.join()
