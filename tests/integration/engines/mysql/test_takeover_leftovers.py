"""What a statement that was killed amid a swap leaves in a database's folder does not outlive the swap's end."""

from __future__ import annotations

import shutil

import pytest

from integration.engines.mysql.dumping import connected
from integration.engines.mysql.swapping import seen, small
from python_backup.engines.mysql import journal as journals
from python_backup.engines.mysql.connection import open_session
from python_backup.engines.replacing import Swap
from support import databases
from support.programs import found_programs
from support.servers import instance_for
from support.stoppable import lone_server

TARGET, FRESH, BEFORE = "target", "fresh", "before"


def test_the_name_of_a_trigger_that_was_not_made_does_not_keep_its_database() -> None:
    newest = [program for program in found_programs() if program.dbms == "mariadb"][-1:]
    if not newest or int(newest[0].version.split(".")[0]) < 11:
        pytest.skip("needs a MariaDB from 11 on, whose DROP TRIGGER takes such a name away")
    with lone_server(newest[0]) as one:
        server, instance = one.server, instance_for(one.server)
        for name, mark in ((TARGET, "old"), (FRESH, "new")):
            databases.create(server, name)
            small(server, name, mark)
        old, new = seen(server, TARGET), seen(server, FRESH)
        session = open_session(instance)
        try:
            journals.begin(session, Swap(FRESH, TARGET, BEFORE))
        finally:
            session.close()
        databases.create(server, BEFORE)
        [name, *_] = (path for path in (one.folder / "data" / TARGET).glob("*.TRN"))
        kept = one.folder / "data" / BEFORE / name.name
        shutil.copy(name, kept)
        shutil.copystat(name, kept)
        shutil.chown(kept, name.owner(), name.group())
        with connected(instance) as again:
            assert again.unfinished(TARGET) is not None
            again.settle(TARGET)
            assert (again.unfinished(TARGET), again.exists(BEFORE)) == (None, False)
        assert (seen(server, TARGET), seen(server, FRESH)) == (old, new)
