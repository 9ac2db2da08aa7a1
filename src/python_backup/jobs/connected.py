"""A connection to an instance's server, as a step that the log tells of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from python_backup.engines.engine import Server
from python_backup.engines.table import ENGINES
from python_backup.instance import Instance
from python_backup.log.tell import about, timed


@contextmanager
def connected(instance: Instance) -> Iterator[Server]:
    """Connects, and closes at the end; what is told inside is about this instance.

    Raises:
        ConnectionFailed, NotPermitted: see `Engine.connect`.
    """
    with about(instance=instance.id):
        with timed("connect"):
            server = ENGINES[instance.dbms].connect(instance)
        with closing(server):
            yield server
