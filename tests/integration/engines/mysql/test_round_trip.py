"""A database of everything, dumped and restored under another name, is the same but for its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from integration.engines.mysql.dumping import Dump, connected, dump, restore
from integration.engines.mysql.everything import build
from python_backup.engines.engine import Server
from python_backup.engines.mysql.tools import Toolbox
from python_backup.errors import ToolMissing
from python_backup.instance import Dbms, Limits, Tools
from support import databases
from support.servers import RunningServer, instance_for


def renamed(text: bytes, old: str, new: str) -> list[bytes]:
    """The dump's lines under the new name; literals and the server's own clock are left as they are."""
    kept = text.replace(b"('in `" + old.encode(), b"('in `\x01").replace(
        b"COMMENT='holds `" + old.encode(), b"\x02"
    )
    kept = kept.replace(f"`{old}`".encode(), f"`{new}`".encode())
    kept = kept.replace(f"'{old}'".encode(), f"'{new}'".encode())
    kept = kept.replace(f"Database: {old}".encode(), f"Database: {new}".encode())
    kept = kept.replace(b"('in `\x01", b"('in `" + old.encode()).replace(
        b"\x02", b"COMMENT='holds `" + old.encode()
    )
    return [line for line in kept.splitlines() if not line.startswith(b"-- Dump completed")]


def same(server: Server, first: Dump, target: str) -> None:
    """The restored database has what the dump's facts say."""
    assert server.counts(target) == {table.name: table.rows for table in first.facts.tables}
    assert server.objects(target) == first.facts.objects
    assert server.sequences(target) == first.facts.sequences


def test_everything_comes_back_and_dumps_alike(mysql_server: RunningServer, new_database):
    source, target = (
        new_database(mysql_server, "every thing"),
        new_database(mysql_server, "a copy", create=False),
    )
    build(mysql_server, source)
    with connected(instance_for(mysql_server)) as server:
        assert server.lacks(source) == ()
        first = dump(server, source)
        assert first.errors == []
        same(server, first, source)
        changes = restore(server, first.text, source, target)
        texts = f"a string names the database {source}; it is left as it is"
        assert [w.partition(": ")[2] for w in changes.warnings] == [texts]
        same(server, first, target)
        second = dump(server, target)
    assert second.facts == first.facts
    assert renamed(second.text, target, source) == renamed(first.text, target, source)


def test_the_socket_serves_as_well(mysql_server: RunningServer, new_database):
    source = new_database(mysql_server)
    databases.execute(mysql_server, source, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1), (2)")
    with connected(instance_for(mysql_server, socket=True)) as server:
        found = dump(server, source)
        assert "--protocol=SOCKET" in server.plan_dump(source, Limits(timeout=None)).command
    assert [(t.name, t.rows) for t in found.facts.tables] == [("t", 2)]


def test_a_server_and_its_programs_elsewhere_are_reached_through_a_command(
    mysql_server: RunningServer, new_database, tmp_path
):
    if not mysql_server.bin:
        pytest.skip("the server's programs are in its container already")
    source = new_database(mysql_server)
    databases.execute(mysql_server, source, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1)")
    through = Tools(
        command=("env", f"PATH={mysql_server.bin}:/usr/bin:/bin"), host="127.0.0.1", port=mysql_server.port
    )
    with connected(replace(instance_for(mysql_server), tools=through)) as server:
        found = dump(server, source)
    assert (found.errors, found.facts.rows) == ([], 1)


def test_the_server_takes_a_dump_of_the_other_family(mysql_server: RunningServer, new_database):
    foreign = (
        b"/*M!999999\\- enable the sandbox mode */ \nSET NAMES utf8mb4;\n"
        b"CREATE DATABASE `old` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE %b */;\nUSE `old`;\n"
        b"CREATE TABLE `t` (`v` varchar(20)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=%b;\n"
        b"INSERT INTO `t` VALUES ('a'),('b');\n"
    )
    theirs = b"utf8mb4_0900_ai_ci" if mysql_server.dbms == "mariadb" else b"utf8mb4_uca1400_ai_ci"
    target = new_database(mysql_server, create=False)
    with connected(instance_for(mysql_server)) as server:
        restore(server, foreign % (theirs, theirs), "old", target)
        assert server.counts(target) == {"t": 2}


def test_mariadbs_program_dumps_a_mysql_server_without_generated_columns(
    mysql_server: RunningServer, new_database
):
    source, target = new_database(mysql_server), new_database(mysql_server, create=False)
    build(mysql_server, source)
    other = _mariadb_dump()
    if mysql_server.dbms != "mysql" or other is None:
        pytest.skip("needs a MySQL server and mariadb-dump")
    with connected(replace(instance_for(mysql_server), tools=Tools(path=other))) as server:
        with pytest.raises(ToolMissing, match="generated columns"):
            server.plan_dump(source, Limits(timeout=None))
        databases.execute(mysql_server, source, "DROP TABLE computed")
        first = dump(server, source)
        assert (first.client, first.errors) == ("mariadb-dump", [])
        assert any("was dumped by mariadb-dump" in warning for warning in first.warnings)
        restore(server, first.text, source, target)
        same(server, first, target)


def _mariadb_dump() -> Path | None:
    try:
        return Path(Toolbox(Tools()).choose(Dbms.MARIADB, (10, 5)).argv[0]).parent
    except ToolMissing:
        return None
