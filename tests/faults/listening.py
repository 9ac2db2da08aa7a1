"""A port that must not be asked, and small backups that are to be spoilt."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from faults.stage import random_text
from python_backup.errors import ArtifactError, ConnectionFailed, UnsafeDump
from python_backup.instance import Instance, Retry
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Format
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence


@dataclass
class Listening:
    """An instance whose server hangs up on everybody, and counts them."""

    instance: Instance
    connections: int = 0

    def refuses(self, file: Path) -> bool:
        """Whether a restore of this file is refused before a connection is opened; else it asked for one."""
        before = self.connections
        request = RestoreRequest(file, self.instance, "elsewhere", force=True)
        try:
            restore(request, lambda _: True, Silence(), lambda: datetime.now(UTC))
        except (ArtifactError, UnsafeDump):
            assert self.connections == before
            return True
        except ConnectionFailed:
            end = time.monotonic() + 5
            while self.connections == before and time.monotonic() < end:  # the other thread counts
                time.sleep(0.001)
            assert self.connections > before
            return False
        raise AssertionError("it was restored to nowhere")


@contextmanager
def listening(server: RunningServer) -> Iterator[Listening]:
    """Something that listens in the server's place while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        place = {"host": "127.0.0.1", "port": port, "socket": None}
        one = Listening(replace(instance_for(server), **place, retry=Retry(attempts=1)))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()
                    one.connections += 1

        threading.Thread(target=serve, daemon=True).start()
        yield one
        listener.shutdown(socket.SHUT_RDWR)


def artifact(server: RunningServer, folder: Path, stored: Format, size: int) -> Path:
    """A backup whose artifact has about so many bytes (within a third), manifest and sum beside it."""
    name = f"cut_{stored.value}_{uuid.uuid4().hex[:6]}"  # other workers make theirs on the same server
    densities = {Format.NONE: 80, Format.GZIP: 46, Format.ZIP: 46, Format.ZSTD: 44, Format.CUSTOM: 46}
    rows = max(1, (size - 2500) // densities[stored])
    with databases.database(server, name):
        databases.execute(
            server, name, "CREATE TABLE held (id int PRIMARY KEY, held varchar(64))",
            f"INSERT INTO held SELECT i, {random_text(server)} FROM {databases.numbers(server, rows)}",
        )  # fmt: skip
        custom = stored is Format.CUSTOM
        instance = replace(instance_for(server), custom_format=custom)
        result = backed_up(instance, name, folder, Format.NONE if custom else stored, timeout=300)
    assert result.error is None, result.error
    assert result.path is not None
    assert size * 2 / 3 < result.path.stat().st_size < size * 4 / 3, result.path.stat().st_size
    return result.path
