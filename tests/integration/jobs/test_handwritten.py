"""Dumps that people wrote: their tables make keys, checks and sequences that have no name in the text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.restore import RestoreRequest, restore
from support.servers import RunningServer, instance_for
from support.silence import Silence

DUMPS = {
    "postgresql": (
        "CREATE TABLE orders (id serial PRIMARY KEY, what text UNIQUE, n int CHECK (n > 0), r int REFERENCES orders);\n"
        "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 1);\n"
    ),
    "mysql": (
        "CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, what varchar(9) UNIQUE, n int CHECK (n > 0), r int,"
        " FOREIGN KEY (r) REFERENCES orders (id));\n"
        "INSERT INTO orders VALUES (1, 'a', 1, NULL), (2, 'b', 1, 1);\n"
    ),
}


def test_a_dump_written_by_hand_is_restored(
    any_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    dump = tmp_path / "orders.sql"
    dump.write_text(DUMPS[any_server.family])
    target = new_database(any_server, "by hand", create=False)
    request = RestoreRequest(dump, instance_for(any_server), target=target)
    report = restore(request, lambda _: True, Silence(), lambda: datetime.now(UTC))
    assert (report.equal, report.facts.rows) == (True, 2)
