"""The way to a MySQL or MariaDB server, step by step, and the programs that dump from it."""

from __future__ import annotations

import re
import shlex
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pymysql
from pymysql.constants import CR

from python_backup.engines import reach as way
from python_backup.engines.engine import Reached
from python_backup.engines.mysql.server import client_of, connect
from python_backup.engines.mysql.tools import Toolbox
from python_backup.engines.program import Client
from python_backup.errors import BackupError
from python_backup.instance import Dbms, Instance, Tools
from python_backup.model import Check, Verdict


def reach(instance: Instance) -> Reached:
    """The way to the server.

    A port that is only opened and closed counts there as a client that gave up amid its login; after
    max_connect_errors of these the server bars this machine. So the driver alone connects, once.
    """
    first = way.at_socket(instance.socket) if instance.socket else way.resolved(instance.host, instance.port)
    if first.verdict is Verdict.FAILURE:
        return Reached((first,))
    try:
        server = connect(instance)
    except BackupError as exc:
        return Reached((first, *_stopped(instance, exc)))
    certificate, version = server.secured()
    now = datetime.now(UTC)
    return Reached(
        (
            first,
            *(() if instance.socket else (_open(instance),)),
            way.encrypted(instance, certificate, version, now) if version else way.plain(instance),
            Check("login", Verdict.OK, f"as {server.account}"),
            way.answered(server),
        ),
        server,
    )


def clients(tools: Tools, family: Dbms) -> tuple[Client, ...]:
    """Every mysqldump and mariadb-dump that runs."""
    return tuple(map(client_of, Toolbox(tools).all(family)))


def _open(instance: Instance) -> Check:
    return Check("tcp", Verdict.OK, f"port {instance.port} answers")


def _stopped(instance: Instance, error: BackupError) -> Iterator[Check]:
    """Which step the driver's error belongs to."""
    cause = error.__cause__
    code = cause.args[0] if isinstance(cause, pymysql.MySQLError) and cause.args else None
    said = str(cause.args[1]) if isinstance(cause, pymysql.MySQLError) and cause.args[1:] else ""
    about_tls = code == CR.CR_SSL_CONNECTION_ERROR or re.search(r"SSL:|certificate", said) is not None
    if code == CR.CR_CONN_HOST_ERROR and not instance.socket and not about_tls:
        said = said.rpartition("(")[2].rstrip(")")
        reason = re.sub(r"^\[Errno -?\d+\] ", "", said)
        yield way.refused(instance.host, instance.port, reason)
        return
    if not instance.socket:
        yield _open(instance)
    step = "tls" if about_tls or isinstance(cause, ssl.SSLError) else "login"
    yield Check(step, Verdict.FAILURE, error.message, _by_hand(instance))


def _by_hand(instance: Instance) -> str:
    """The command that tries the same login with the server's own client."""
    socket, host, port = instance.socket, instance.host, str(instance.port)
    where = ["--socket", socket] if socket else ["-h", host, "-P", port]
    return shlex.join(["mysql", *where, "-u", instance.account, "-p"])
