"""A database takes another's place, forth and back, on real servers; killed anywhere, it is settled."""

from __future__ import annotations

from integration.engines.mysql.dumping import connected, dump
from integration.engines.mysql.everything import build
from python_backup.engines.engine import Server, Swap
from support import databases
from support.servers import RunningServer, instance_for


def contents(server: Server, name: str, *names: str) -> list[bytes]:
    """The dump's lines, as if this and the other databases were called ``x``."""
    text = dump(server, name).text
    for known in (name, *names):
        text = text.replace(known.replace("`", "``").encode(), b"x").replace(known.encode(), b"x")
    return [line for line in text.splitlines() if not line.startswith(b"-- Dump completed")]


def test_a_database_of_everything_is_replaced_and_put_back(mysql_server: RunningServer, new_database):
    target, fresh = new_database(mysql_server, "every thing"), new_database(mysql_server, "fresh")
    before, again = (new_database(mysql_server, name, create=False) for name in ("before", "again"))
    names = (target, fresh, before, again)
    for name in (target, fresh):
        build(mysql_server, name)
    databases.execute(mysql_server, fresh, "INSERT INTO log (at) VALUES ('the new one')", "DROP VIEW checked")
    with connected(instance_for(mysql_server)) as server:
        old, new = (contents(server, name, *names) for name in (target, fresh))
        assert server.take_over(Swap(fresh, target, before)) == ()
        assert not server.exists(fresh)
        assert contents(server, target, *names) == new
        assert contents(server, before, *names) == old
        assert server.unfinished(target) is None
        assert server.take_over(Swap(before, target, again)) == ()
        assert contents(server, target, *names) == old
        assert contents(server, again, *names) == new
        assert not server.exists(before)
