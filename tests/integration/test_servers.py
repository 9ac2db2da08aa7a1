"""The test servers themselves: what every other integration test relies on."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pymysql
import pytest

from support import databases
from support.servers import RunningServer, instance_for


def test_a_server_says_the_version_it_was_found_with(any_server: RunningServer) -> None:
    assert databases.version_of(any_server).removeprefix("PostgreSQL ").startswith(any_server.version)


def test_a_wrong_password_is_refused_over_tcp(any_server: RunningServer) -> None:
    connect = {"postgresql": psycopg.connect, "mysql": pymysql.connect}[any_server.family]
    with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)):
        connect(host=any_server.host, port=any_server.port, user=any_server.superuser, password="wrong")


def test_the_password_is_taken_over_tcp(any_server: RunningServer) -> None:
    instance = instance_for(any_server)
    over_tcp = RunningServer(
        **{
            name: getattr(any_server, name) for name in ("id", "dbms", "version", "host", "port", "superuser")
        },
        password=instance.password.reveal() if instance.password else "",
        socket="",
    )
    assert databases.rows(over_tcp, None, "SELECT 1") == databases.rows(any_server, None, "SELECT 1")


@pytest.mark.parametrize("name", ["a b", "a`b", 'a"b', "a'b", "-x", "a\\b", "a/b", "ünï日本", "%", "select"])
def test_a_database_may_have_any_name(
    any_server: RunningServer, new_database: Callable[..., str], name: str
) -> None:
    made = new_database(any_server, name)
    question = "SELECT current_database()" if any_server.family == "postgresql" else "SELECT database()"
    assert databases.rows(any_server, made, question) == [(made,)]
