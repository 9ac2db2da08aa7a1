"""Database names that shells, connection strings and SQL trip over, in every method of the server."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from python_backup.dump.dialect import SourceDatabase
from python_backup.errors import Refused, TargetExists
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.model import Format
from support import databases
from support.pg_trips import dumped, restored
from support.servers import instance_for
from support.silence import Silence

NAMES = [
    "a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", "a;touch p", "$(touch p)", "a%b", "a\nb", "ünï日本",
    "NULL", "select", "a=b", "postgresql://x", "host=evil", "'", "A", "x" * 50,
]  # fmt: skip


@pytest.fixture
def named(postgresql_server):
    """Names with this test's own ending; databases so named are dropped."""
    ending = uuid.uuid4().hex[:8]
    names = [f"{name}{ending}" for name in NAMES]
    yield names
    for name in names:
        databases.drop(postgresql_server, name)


def test_every_method_takes_every_name(server, named):
    for name in named:
        assert not server.exists(name)
        assert server.create(name, SourceDatabase(name, {"encoding": "UTF8"})) == ()
        assert server.exists(name)
        assert name in server.databases()
        assert server.size(name) > 0
        assert (server.lacks(name), server.objects(name)) == ((), {})
        assert (server.counts(name), server.sequences(name)) == ({}, {})
        server.drop(name)
        assert not server.exists(name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_dumped_and_restored_under_every_other(
    postgresql_server, server, new_database, name
):
    source = new_database(postgresql_server, name)
    databases.execute(postgresql_server, source, "CREATE TABLE t AS SELECT 1 AS a")
    databases.execute(
        postgresql_server,
        source,
        f"COMMENT ON DATABASE {databases.quoted(postgresql_server, source)} IS 'own words'",
    )
    target = new_database(postgresql_server, f"{name} 2", create=False)
    dump = dumped(server, source)
    restored(server, [dump.text], target)
    assert server.counts(target) == {"public.t": 1}
    said = "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    lost = bool(dump.warnings)  # a name with a line break
    assert databases.rows(postgresql_server, target, said) == [(None if lost else "own words",)]


def test_names_that_the_server_would_cut_are_refused(server):
    with pytest.raises(Refused, match="has 64 bytes, PostgreSQL takes 63"):
        server.create("ü" * 32, None)


def test_a_database_that_exists_is_not_made(server, filled):
    name = filled()
    with pytest.raises(TargetExists):
        server.create(name, None)


def test_the_servers_own_databases_are_not_listed(server):
    assert {"postgres", "template0", "template1"}.isdisjoint(server.databases())


def test_a_name_that_is_no_utf8_does_not_keep_others_from_their_backup(
    postgresql_server, new_database, tmp_path
):
    good, bare = new_database(postgresql_server), uuid.uuid4().hex[:8]
    door = new_database(postgresql_server, create=False)
    c_locale = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    databases.execute(postgresql_server, None, f"CREATE DATABASE {door} {c_locale}")
    with closing(databases.connection(postgresql_server, door)) as link:
        link.execute("SET client_encoding TO SQL_ASCII")
        name = b'"' + bare.encode() + b'\xe4"'
        link.execute(b"CREATE DATABASE " + name)
        try:
            wanted = replace(instance_for(postgresql_server), filter=(good, f"{bare}*"))
            request = BackupRequest((wanted,), (), tmp_path, Format.NONE)
            results = back_up(request, Silence(), lambda: datetime.now(UTC))
        finally:
            link.execute(b"DROP DATABASE " + name)
    assert {result.database: result.outcome for result in results} == {
        good: "done",
        f"{bare}\udce4": "failed",
    }
