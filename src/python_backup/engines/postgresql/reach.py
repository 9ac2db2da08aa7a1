"""The way to a PostgreSQL server, step by step, and the programs that dump from it."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from python_backup.engines import reach as way
from python_backup.engines.engine import Reached
from python_backup.engines.postgresql.connection import Address, address
from python_backup.engines.postgresql.server import PostgresServer, client_of
from python_backup.engines.postgresql.tools import Toolbox
from python_backup.engines.program import Client
from python_backup.errors import BackupError, ConnectionFailed
from python_backup.instance import Instance, TlsMode, Tools
from python_backup.model import Check, Verdict

_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
"""The message SSLRequest; the server answers one byte, S or N (protocol 3.0, Message Formats)."""


def reach(instance: Instance) -> Reached:
    """The way to the server; its port is looked at before the driver logs in."""
    steps: list[Check] = []
    where = address(instance.host, instance.port, instance.socket)
    for step in _before_login(instance, where.host, where.port):
        steps.append(step)
        if step.verdict is Verdict.FAILURE:
            return Reached(tuple(steps))
    try:
        server = PostgresServer(instance)
    except BackupError as exc:
        failed = _stopped(exc, where, instance.account)
        return Reached((*(step for step in steps if step.name != failed.name), failed))
    steps += [Check("login", Verdict.OK, f"as {server.account}"), way.answered(server)]
    return Reached(tuple(steps), server)


def clients(tools: Tools) -> tuple[Client, ...]:
    """Every pg_dump that runs."""
    return tuple(map(client_of, Toolbox(tools).all("pg_dump")))


def _before_login(instance: Instance, host: str, port: int) -> Iterator[Check]:
    if host.startswith("/"):
        yield way.at_socket(f"{host}/.s.PGSQL.{port}")
        yield way.plain(instance)
        return
    yield way.resolved(host, port)
    check, link = way.opened(host, port)
    yield check
    if link is not None:
        with closing(link):
            yield _tls(instance, link)


def _tls(instance: Instance, link: socket.socket) -> Check:
    """What the server answers to the wish for TLS; libpq decides at the login whether that will do."""
    if instance.tls.mode is TlsMode.DISABLE:
        return way.plain(instance)
    try:
        link.sendall(_SSL_REQUEST)
        offered = link.recv(1) == b"S"
    except OSError as exc:
        return Check("tls", Verdict.FAILURE, f"the server does not answer: {exc.strerror or exc}")
    if not offered:
        return way.plain(instance)
    certificate, version = way.certificate_of(link)
    return way.encrypted(instance, certificate, version, datetime.now(UTC))


def _stopped(error: BackupError, where: Address, user: str) -> Check:
    """Which step the driver's error belongs to."""
    about_tls = isinstance(error, ConnectionFailed) and re.search(
        r"SSL|certificate|sslrootcert", error.message
    )
    hint = shlex.join(["psql", f"host={where.host} port={where.port} user={user} dbname=postgres"])
    return Check("tls" if about_tls else "login", Verdict.FAILURE, error.message, hint)
