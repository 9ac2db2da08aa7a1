"""Reaching a server: what is said when that fails, and that the environment changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from python_backup.engines.postgresql.engine import ENGINE
from python_backup.errors import ConnectionFailed, NotPermitted
from python_backup.instance import Limits, Secret, Tls, TlsMode, Tools
from support.pg_trips import dumped
from support.servers import instance_for


def test_a_wrong_password_is_not_permitted(postgresql_server):
    instance = replace(instance_for(postgresql_server), password=Secret(lambda: "wrong one"))
    with pytest.raises(NotPermitted) as caught:
        ENGINE.connect(instance)
    assert caught.value.message == (
        f"cannot connect to 127.0.0.1:{postgresql_server.port} as 'postgres':"
        ' password authentication failed for user "postgres"'
    )
    assert "wrong one" not in repr(caught.value)


def test_a_port_where_nobody_listens_is_named(postgresql_server):
    with pytest.raises(
        ConnectionFailed, match=r"cannot connect to 127\.0\.0\.1:1 as 'postgres': Connection refused"
    ):
        ENGINE.connect(replace(instance_for(postgresql_server), port=1))


def test_tls_that_the_server_lacks_is_an_error(postgresql_server):
    instance = replace(instance_for(postgresql_server), tls=Tls(TlsMode.REQUIRE))
    with pytest.raises(ConnectionFailed, match="SSL") as caught:
        ENGINE.connect(instance)
    assert "tls" in (caught.value.hint or "")


def test_nothing_in_the_environment_changes_a_connection(postgresql_server, tmp_path, monkeypatch):
    (tmp_path / ".pgpass").write_text("*:*:*:*:wrong\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[evil]\nhost=evil.invalid\nuser=evil\n")
    hostile = {
        "HOME": str(tmp_path), "PGSERVICE": "evil", "PGOPTIONS": "-c search_path=evil", "PGHOSTADDR": "192.0.2.1",
        "PGSSLMODE": "verify-full", "PGPASSWORD": "wrong", "PGCLIENTENCODING": "LATIN1", "PGPASSFILE": "/none",
        "PGDATESTYLE": "German", "PGTARGETSESSIONATTRS": "standby",
    }  # fmt: skip
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    server = ENGINE.connect(instance_for(postgresql_server))
    assert server.version == postgresql_server.version
    assert b"PostgreSQL database dump complete" in dumped(server, "postgres").text
    server.close()


def test_through_a_command_the_password_goes_to_standard_input(postgresql_server):
    if postgresql_server.command:
        tools = instance_for(postgresql_server).tools
    else:
        tools = Tools(command=("/usr/bin/env", f"PATH={postgresql_server.bin}:/usr/bin:/bin"))
    server = ENGINE.connect(replace(instance_for(postgresql_server), tools=tools))
    plan = server.plan_dump("postgres", Limits(timeout=60))
    assert plan.command[: len(tools.command)] == tools.command
    assert "--password" in plan.command
    dump = dumped(server, "postgres")
    assert (b"dump complete" in dump.text, dump.warnings) == (True, ())
    server.close()


def test_a_lost_connection_is_made_anew(postgresql_server, server):
    from support import databases

    own = server._door.info.backend_pid  # others' tests use this server too
    databases.execute(postgresql_server, None, f"SELECT pg_terminate_backend({own})")
    assert server.exists("postgres")
