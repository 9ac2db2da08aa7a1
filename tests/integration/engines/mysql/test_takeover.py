"""A database takes another's place, forth and back, on real servers."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from integration.engines.mysql.dumping import connected, dump
from integration.engines.mysql.everything import build
from integration.engines.mysql.swapping import events, seen, small
from python_backup.dump.piece import Statement
from python_backup.engines.engine import Server
from python_backup.engines.mysql import movable, steps
from python_backup.engines.replacing import Swap
from support import databases
from support.servers import RunningServer, instance_for


def said(server: RunningServer) -> tuple[str, ...]:
    """The warnings of a swap that goes well and replaces something."""
    old = server.dbms == "mariadb" and server.major < (10, 6)
    return (movable.CUT.format(version="10.5"),) if old else ()


def contents(server: Server, name: str, *names: str) -> list[bytes]:
    """The dump's lines, as if this and the other databases were called ``x``."""
    text = dump(server, name).text
    for known in (name, *names):
        text = text.replace(known.replace("`", "``").encode(), b"x").replace(known.encode(), b"x")
    return [line for line in text.splitlines() if not line.startswith(b"-- Dump completed")]


def test_a_database_of_everything_is_replaced_and_put_back(mysql_server: RunningServer, new_database):
    target, fresh = new_database(mysql_server, "every `thing"), new_database(mysql_server, "fresh`")
    before, again = (new_database(mysql_server, name, create=False) for name in ("be`fore", "a`gain"))
    names = (target, fresh, before, again)
    for name in (target, fresh):
        build(mysql_server, name)
    databases.execute(mysql_server, fresh, "INSERT INTO log (at) VALUES ('the new one')", "DROP VIEW checked")
    with connected(instance_for(mysql_server)) as server:
        old, new = (contents(server, name, *names) for name in (target, fresh))
        assert server.take_over(Swap(fresh, target, before)) == said(mysql_server)
        assert not server.exists(fresh)
        assert contents(server, target, *names) == new
        assert contents(server, before, *names) == old
        assert server.unfinished(target) is None
        assert server.take_over(Swap(before, target, again)) == said(mysql_server)
        assert contents(server, target, *names) == old
        assert contents(server, again, *names) == new
        assert not server.exists(before)


@pytest.mark.parametrize("name", ["a\\b.c/..", "-x %'\"", "ünï日本", "ß" * 55])
def test_databases_of_any_name_take_each_others_place(mysql_server: RunningServer, new_database, name):
    target, fresh = new_database(mysql_server, name), new_database(mysql_server, f"f{name}"[:55])
    before = new_database(mysql_server, f"b{name}"[:55], create=False)
    small(mysql_server, target, "old")
    small(mysql_server, fresh, "new")
    old, new = seen(mysql_server, target), seen(mysql_server, fresh)
    with connected(instance_for(mysql_server)) as server:
        assert server.take_over(Swap(fresh, target, before)) == said(mysql_server)
        assert (seen(mysql_server, target), seen(mysql_server, before)) == (new, old)
        assert server.take_over(Swap(before, target, fresh)) == said(mysql_server)
    assert (seen(mysql_server, target), seen(mysql_server, fresh)) == (old, new)


def test_a_target_that_is_not_there_is_made(mysql_server: RunningServer, names):
    target, fresh, before = names
    new = seen(mysql_server, fresh)
    databases.drop(mysql_server, target)
    with connected(instance_for(mysql_server)) as server:
        assert server.take_over(Swap(fresh, target, None)) == ()
        assert (server.exists(fresh), server.exists(before)) == (False, False)
    assert seen(mysql_server, target) == new
    assert events(mysql_server, target) == {"tick": "ENABLED", "asleep": "DISABLED"}


def test_empty_databases_change_names_too(mysql_server: RunningServer, names, new_database):
    target, _, before = names
    old, empty = seen(mysql_server, target), new_database(mysql_server, "empty")
    with connected(instance_for(mysql_server)) as server:
        assert server.take_over(Swap(empty, target, before)) == said(mysql_server)
        assert server.objects(target) == {}
        assert server.take_over(Swap(before, target, empty)) == said(mysql_server)
        assert server.objects(empty) == {}
    assert seen(mysql_server, target) == old


def test_triggers_views_and_keys_are_of_their_own_database(mysql_server: RunningServer, names):
    target, fresh, before = names
    with connected(instance_for(mysql_server)) as server:
        server.take_over(Swap(fresh, target, before))
    for name, mark in ((target, "new"), (before, "old")):
        databases.execute(mysql_server, name, "INSERT INTO child (p) VALUES (1)")
        assert databases.rows(mysql_server, name, "SELECT what FROM log ORDER BY id") == [
            (f"one {mark}",), (f"two {mark}",),
        ]  # fmt: skip
        assert databases.rows(mysql_server, name, "SELECT v, w FROM a JOIN m USING (id) WHERE id = 1") == [
            (mark, mark)
        ]
        with pytest.raises(Exception, match="foreign key constraint fails"):
            databases.execute(mysql_server, name, "INSERT INTO child (p) VALUES (3)")
        if mysql_server.dbms == "mariadb":
            databases.execute(mysql_server, name, "INSERT INTO counted (v) VALUES (1)")


def test_events_of_what_was_replaced_sleep_until_it_is_put_back(mysql_server: RunningServer, names):
    target, fresh, before = names
    awake = {"tick": "ENABLED", "asleep": "DISABLED"}
    asleep = {"tick": "DISABLED", "asleep": "DISABLED"}
    with connected(instance_for(mysql_server)) as server:
        server.take_over(Swap(fresh, target, before))
        assert (events(mysql_server, target), events(mysql_server, before)) == (awake, asleep)
        server.take_over(Swap(before, target, fresh))
        assert (events(mysql_server, target), events(mysql_server, fresh)) == (awake, asleep)
        assert "__vya_backupdb_parked" not in _tables(mysql_server, target)


def _tables(server: RunningServer, database: str) -> set[str]:
    found = databases.rows(server, database, "SHOW TABLES")
    return {name for (name,) in found}


LOUD = """
CREATE EVENT tick ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' ENABLE DO SELECT 1
---
CREATE EVENT `by default` ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DO SELECT 1
---
/*!50106 CREATE*/ /*!50117 DEFINER=CURRENT_USER*/ /*!50106 EVENT `ünï` ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' ENABLE DO SELECT 1 */
---
CREATE EVENT asleep ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DISABLE DO SELECT 'ENABLE'
---
CREATE EVENT late ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DISABLE DO SELECT 1
---
ALTER EVENT late ENABLE
---
CREATE EVENT early ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' ENABLE DO SELECT 1
---
ALTER EVENT early DISABLE
"""


def test_events_of_a_dump_sleep_until_their_database_has_its_name(mysql_server: RunningServer, new_database):
    target, fresh = (new_database(mysql_server, name, create=False) for name in ("target", "fresh"))
    statements = [s.strip().encode() for s in LOUD.split("---")]
    statements += [b"CREATE TABLE t (x int)", b"CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET @x = 1"]
    with connected(instance_for(mysql_server)) as server:
        server.create(fresh, None)
        server.load(fresh, [Statement(sql, 1, sql) for sql in statements], complete=True)
        assert set(events(mysql_server, fresh).values()) == {"DISABLED"}
        assert (dict(server.counts(fresh)), server.objects(fresh)["tables"]) == ({"t": 0}, ("t",))
        assert "indexes" not in server.objects(fresh)

        server.take_over(Swap(fresh, target, None))

    off, on = "DISABLED", "ENABLED"
    assert events(mysql_server, target) == {
        "tick": on, "by default": on, "ünï": on, "asleep": off, "late": on, "early": off,
    }  # fmt: skip
    assert _tables(mysql_server, target) == {"t"}


def test_old_events_are_gone_before_the_tables_move_and_new_ones_come_last(
    mysql_server: RunningServer, names, monkeypatch
):
    target, fresh, before = names
    seen_there: dict[str, dict[str, str]] = {}

    def looking(name):
        real = getattr(steps, name)

        def step(run, *args, **options):
            seen_there[name] = events(mysql_server, target)
            return real(run, *args, **options)

        monkeypatch.setattr(steps, name, step)

    for name in ("_move", "_grant", "_drop_empty"):
        looking(name)
    with connected(instance_for(mysql_server)) as server:
        server.take_over(Swap(fresh, target, before))
    assert seen_there == {
        "_move": {"asleep": "DISABLED"},
        "_grant": {"asleep": "DISABLED", "tick": "DISABLED"},
        "_drop_empty": {"asleep": "DISABLED", "tick": "ENABLED"},
    }


def test_the_databases_own_collation_is_kept_or_taken(mysql_server: RunningServer, names, new_database):
    target, fresh, before = names
    own = databases.quoted(mysql_server, target)
    databases.execute(mysql_server, None, f"ALTER DATABASE {own} CHARACTER SET latin1 COLLATE latin1_bin")
    databases.execute(mysql_server, target, "CREATE FUNCTION f(a CHAR(5)) RETURNS CHAR(5) NO SQL RETURN a")
    old, new = seen(mysql_server, target), seen(mysql_server, fresh)
    with connected(instance_for(mysql_server)) as server:
        server.take_over(Swap(fresh, target, before))
        assert seen(mysql_server, target) == {**new, "database": old["database"]}
        assert seen(mysql_server, before) == old
        server.take_over(Swap(before, target, fresh, keep_properties=False))
        assert seen(mysql_server, target) == old
        server.take_over(Swap(fresh, target, before, keep_properties=False))
        assert seen(mysql_server, target)["database"] == old["database"]


def test_definitions_keep_the_character_set_of_the_client_that_made_them(
    mysql_server: RunningServer, new_database
):
    names = [new_database(mysql_server, f"é{n}", create=n != "before") for n in ("target", "fresh", "before")]
    for name in names[:2]:
        with closing(databases.connection(mysql_server, name)) as link, link.cursor() as cursor:
            own = databases.quoted(mysql_server, name)
            cursor.execute("CREATE TABLE `tablé` (v VARCHAR(20))")
            cursor.execute("SET character_set_client = latin1, collation_connection = latin1_swedish_ci")
            for sql in (
                "CREATE FUNCTION f() RETURNS VARCHAR(20) NO SQL RETURN HEX('é')",
                f"CREATE TRIGGER t BEFORE INSERT ON {own}.`tablé` FOR EACH ROW SET NEW.v = CONCAT(NEW.v, 'é')",
                f"CREATE VIEW v AS SELECT v, 'é' AS e FROM {own}.`tablé`",
                f"CREATE PROCEDURE p() INSERT INTO {own}.`tablé` VALUES ('é')",
            ):
                link.query(sql.encode("latin-1"))
    old = seen(mysql_server, names[0])
    with connected(instance_for(mysql_server)) as server:
        assert server.take_over(Swap(names[1], names[0], names[2])) == said(mysql_server)
    for name in (names[0], names[2]):
        databases.execute(mysql_server, name, "CALL p()")
        assert databases.rows(mysql_server, name, "SELECT v, f(), (SELECT v FROM v) FROM `tablé`") == [
            ("éé", "E9", "éé")
        ]
        assert seen(mysql_server, name)["routines"] == old["routines"]


def test_rights_on_routines_stay(mysql_server: RunningServer, names):
    target, fresh, before = names
    own, user = databases.quoted(mysql_server, target), f"'r{time.monotonic_ns() % 10**9}'@'%'"
    databases.execute(
        mysql_server, None, f"CREATE USER {user}", f"GRANT EXECUTE ON PROCEDURE {own}.mark TO {user}",
        f"GRANT SELECT ON {own}.parent TO {user}",
    )  # fmt: skip
    try:
        held = databases.rows(mysql_server, None, f"SHOW GRANTS FOR {user}")
        with connected(instance_for(mysql_server)) as server:
            assert server.take_over(Swap(fresh, target, before)) == said(mysql_server)
        assert databases.rows(mysql_server, None, f"SHOW GRANTS FOR {user}") == held
        assert len(held) == 3
    finally:
        databases.execute(mysql_server, None, f"DROP USER {user}")


def test_what_cannot_be_made_under_the_targets_name_is_undone(mysql_server: RunningServer, names):
    target, fresh, before = names
    databases.execute(
        mysql_server, fresh, "CREATE TABLE gone (id INT)", "CREATE VIEW late AS SELECT id FROM gone",
        "DROP TABLE gone",
    )  # fmt: skip
    own = databases.quoted(mysql_server, fresh)
    databases.execute(mysql_server, fresh, f"CREATE VIEW own_table AS SELECT id FROM {own}.parent")
    old = seen(mysql_server, target)
    with connected(instance_for(mysql_server)) as server:
        *_, warning = server.take_over(Swap(fresh, target, before))
        assert "'late' was broken before" in warning
        assert seen(mysql_server, before) == old
