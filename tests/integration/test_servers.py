"""The test servers themselves: what every other integration test relies on."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
import pymysql
import pytest

from support import databases
from support.programs import found_programs
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


OWNER = """
import json, signal, sys, time
from support.programs import Program
from support.servers import session
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a shell's background job
with session() as servers:
    servers.wait(Program(**json.loads(sys.argv[1])))
    print(servers.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_server_and_no_file(how: signal.Signals) -> None:
    program = next(p for p in found_programs() if p.family == "postgresql")
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, json.dumps(asdict(program))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with child:
        folder = Path(child.stdout.readline().strip())
        server = json.loads((folder / f"{program.id}.ready").read_text())
        child.send_signal(how)
    end = time.monotonic() + 30
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    with socket.socket() as probe:
        assert (folder.exists(), probe.connect_ex(("127.0.0.1", server["port"]))) == (
            False,
            errno.ECONNREFUSED,
        )
