"""Reaching a PostgreSQL server through psycopg: arguments, queries in bytes, foreign errors converted.

Names and texts travel as bytes: databases have encodings of their own, and SQL_ASCII has none. Nothing
in the environment changes what a connection is: no PG* variable, no ~/.pgpass, no service file.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import generators, pq
from psycopg.conninfo import make_conninfo

from python_backup.engines import liveness
from python_backup.engines.liveness import Patience
from python_backup.engines.postgresql.handshake import refusal
from python_backup.engines.postgresql.listening import Link
from python_backup.engines.tls import check_files, hint_for
from python_backup.errors import BackupError, ConnectionFailed, NotPermitted, Refused, ServerError
from python_backup.instance import Instance, Tls, TlsMode

CONNECT_TIMEOUT = 10
"""Seconds for one connection attempt."""

APPLICATION = "vya-backupdb"

NO_HOME = "/dev/null"
"""A HOME without files: libpq looks there for ~/.pgpass, ~/.pg_service.conf and ~/.postgresql/."""

NO_FILE = NO_HOME + "/none"
"""A password file that cannot be; libpq warns on stderr of one that is no plain file."""

KEEPALIVE = {"keepalives_idle": "60", "keepalives_interval": "10", "keepalives_count": "6"}
"""A peer that is gone without a word is noticed after two minutes, not after two hours."""

_SOCKET_FILE = re.compile(r"\.s\.PGSQL\.(\d+)\Z")

_environment = threading.Lock()

Row = tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a host, or the folder of its socket; ``port`` belongs to both."""

    host: str
    port: int

    def __str__(self) -> str:
        return (
            f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else f"{self.host}:{self.port}"
        )


def address(host: str, port: int, socket: str | None) -> Address:
    """The server's address; ``socket`` (its folder, or the socket file itself) wins over ``host``."""
    if socket is None:
        return Address(host, port)
    path = Path(socket)
    match = _SOCKET_FILE.match(path.name)
    return Address(str(path.parent), int(match[1])) if match else Address(socket, port)


def parameters(where: Address, instance: Instance, database: str) -> dict[str, str]:
    """What libpq is told, in the driver and in the tools, by its own keywords; no secret is in it."""
    told = {"host": where.host, "port": str(where.port)}
    if instance.account:
        told["user"] = instance.account
    return told | {
        "dbname": database_name(database).decode(),
        "connect_timeout": str(CONNECT_TIMEOUT),
        "gssencmode": "disable",
        "application_name": APPLICATION,
        **_tls(instance.tls),
    }


def conninfo(told: dict[str, str]) -> str:
    """Parameters as one connection string, where quotes and backslashes in names are escaped."""
    return make_conninfo("", **told)


def _tls(tls: Tls) -> dict[str, str]:
    told = {"sslmode": tls.mode.value}
    if tls.ca is not None:
        told["sslrootcert"] = str(tls.ca)
    elif tls.mode is TlsMode.VERIFY_FULL:
        told["sslrootcert"] = "system"  # libpq 16: the machine's own certificates, verify-full only
    if tls.cert is not None:
        told["sslcert"] = str(tls.cert)
    if tls.key is not None:
        told["sslkey"] = str(tls.key)
    return told


def connect(instance: Instance, database: str, options: str = "") -> Link:
    """A connection in autocommit that waits for ever on locks and statements, as a dump or load must.

    For ever is as long as the server lives: one that is silent is asked over other connections.

    ``options`` are settings for the server's process: ``-c name=value``.

    Raises:
        ConnectionFailed: the server cannot be reached, or there is no such database.
        NotPermitted: the login was refused.
    """
    check_files(instance)
    where = address(instance.host, instance.port, instance.socket)
    password = instance.password.reveal() if instance.password else ""
    told = parameters(where, instance, database)
    try:
        with _no_environment():
            connection = Link.connect(
                conninfo(told | KEEPALIVE),
                autocommit=True,
                password=password,
                passfile=NO_FILE,
                options=options,
            )
    except psycopg.Error as exc:
        raise refused(exc, told, instance) from None  # psycopg's own text may quote the connection string
    bounds = liveness.patience(instance.limits.idle)
    connection.silence, connection.ask = bounds.silence, lambda: _ask(connection, told, instance, bounds)
    encoding = connection.pgconn.parameter_status(b"server_encoding")
    try:
        with converting(f"the connection to {where} cannot be set up"):
            version = text(connection.pgconn.parameter_status(b"server_version"))
            together(connection, (_ENCODING[encoding == b"SQL_ASCII"], *settings(major(version))))
    except BaseException:
        connection.close()
        raise
    return connection


def _ask(connection: Link, told: dict[str, str], instance: Instance, bounds: Patience) -> None:
    """Closes the connection and raises psycopg's error where the server answers nobody."""
    try:
        ask(told, instance, bounds)
    except psycopg.Error:
        connection.close()
        raise


def ask(told: dict[str, str], instance: Instance, bounds: Patience) -> None:
    """Raises psycopg's error where the server answers no new connection by these parameters."""
    if not liveness.lives(lambda seconds: _answers(told, instance, seconds), bounds):
        raise psycopg.OperationalError(f"the connection was given up: {bounds.words}")


def _answers(told: dict[str, str], instance: Instance, seconds: float) -> bool:
    """Whether the server says anything to a new connection; a refusal of its own is an answer."""
    password = instance.password.reveal() if instance.password else ""
    bounded = conninfo(told | {"connect_timeout": str(max(2, int(seconds)))})  # libpq knows no shorter time
    try:
        with _no_environment():
            psycopg.Connection.connect(bounded, password=password, passfile=NO_FILE, options="").close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.Error as exc:
        return _NOBODY.search(str(exc)) is None
    return True


_NOBODY = re.compile(
    "closed the connection unexpectedly|Connection refused|reset by peer|Broken pipe|timeout expired"
    "|No route to host|is unreachable|No such file|timed out"
)
"""libpq's words for no answer, or for that of a machine or a proxy alone; always in English here."""


_ENCODING = {True: b"SET client_encoding TO SQL_ASCII", False: b"SET client_encoding TO UTF8"}
_PATIENCE = (
    (b"statement_timeout", 0),
    (b"lock_timeout", 0),
    (b"idle_in_transaction_session_timeout", 0),
    (b"idle_session_timeout", 14),
    (b"transaction_timeout", 17),
)
"""What ends a session or a statement of its own accord, and the first version that has it."""


def settings(version: int) -> Iterator[bytes]:
    """What every session sets first, in this major version.

    Statements that look nothing up: asking pg_settings takes a new session as long as to begin.
    """
    yield from (b"SET %s TO 0" % name for name, since in _PATIENCE if version >= since)
    yield b"SET standard_conforming_strings TO on"
    yield b"SET default_transaction_read_only TO off"


@contextmanager
def _no_environment() -> Iterator[None]:
    """Hides what libpq would read from the environment: a service (PGSERVICE) cannot be overruled."""
    with _environment:
        hidden = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith("PG")}
        home = os.environ.get("HOME")
        os.environ["HOME"] = NO_HOME
        try:
            yield
        finally:
            os.environ.pop("HOME")
            os.environ.update(hidden | ({} if home is None else {"HOME": home}))


_REFUSALS: tuple[tuple[str, type[ServerError], str, bool], ...] = (
    (
        r"(?i)authentication failed|no password supplied|role .* does not exist",
        NotPermitted,
        "Check username and password of instance {id} in the config.",
        False,
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        NotPermitted,
        "Add a line for this user, database and address to the server's pg_hba.conf and reload it.",
        False,
    ),
    (
        r"permission denied for database|not permitted to log in",
        NotPermitted,
        'Grant it: ALTER ROLE "{user}" LOGIN; GRANT CONNECT ON DATABASE … TO "{user}".',
        False,
    ),
    (
        r"server does not support SSL|SSL error|certificate|sslrootcert",
        ConnectionFailed,
        "Check tls (mode, ca, cert, key) of instance {id} in the config.",
        False,
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        ConnectionFailed,
        "Raise max_connections on the server, or wait until other sessions have ended.",
        True,
    ),
    (
        r"starting up|shutting down|recovery mode",
        ConnectionFailed,
        "Wait until the server is up, and run again.",
        True,
    ),
    (r"database .* does not exist", ConnectionFailed, "Check the database's name.", False),
    (
        r"",
        ConnectionFailed,
        "Check that the server runs, and host and port (or socket) of instance {id} in the config.",
        True,
    ),
)
"""For each refusal its pattern, what it is, what helps, and whether it may pass by itself."""


def refused(exc: psycopg.Error, told: dict[str, str], instance: Instance) -> ServerError:
    """Why libpq found no connection by these parameters, and what helps."""
    where = Address(told["host"], int(told["port"]))
    reason = _reason(exc)
    if "certificate verify failed" in reason and not where.host.startswith("/"):
        why = refusal(where.host, where.port, instance.tls)
        reason += f": {why}" if why else ""
    kind, hint, passes = next((k, h, p) for pattern, k, h, p in _REFUSALS if re.search(pattern, reason))
    user = told.get("user", "")
    return kind(
        f"cannot connect to {where} as {user!r}: {reason}",
        hint=hint_for(reason) or hint.format(id=instance.id, user=user),
        transient=passes and hint_for(reason) is None,
    )


def _reason(exc: psycopg.Error) -> str:
    """The server's or libpq's last word, on one line."""
    last = [line for line in str(exc).splitlines() if line.strip()] or ["no reason was given"]
    failed = [line for line in last if " failed: " in line] or last[:1]
    reason = failed[-1].rpartition(" failed: ")[2]
    return re.sub(r"^(FATAL|ERROR|PANIC):\s*", "", reason.strip())


def query(connection: psycopg.Connection, sql: bytes, *values: bytes) -> list[Row]:
    """The rows of one statement, each column in its text form; ``values`` are bound as $1 and on.

    Raises:
        psycopg.Error: to be converted by `converting`.
    """
    pgconn = connection.pgconn
    if values:
        pgconn.send_query_params(sql, list(values))  # 3.2 takes no tuple
    else:
        pgconn.send_query(sql)
    return _answers_to(connection)[-1]


def together(connection: psycopg.Connection, statements: Iterable[bytes]) -> list[list[Row]]:
    """The rows of each statement, all asked in one message; raises as `query`."""
    connection.pgconn.send_query(b"\n;\n".join(statements))
    return _answers_to(connection)


def _answers_to(connection: psycopg.Connection) -> list[list[Row]]:
    results = connection.wait(generators.execute(connection.pgconn))
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
    return [
        [tuple(one.get_value(row, column) for column in range(one.nfields)) for row in range(one.ntuples)]
        for one in results
    ]


@contextmanager
def converting(doing: str, hint: str | None = None) -> Iterator[None]:
    """Turns the driver's errors into the project's; ``doing`` begins the message (``database x: …``)."""
    try:
        yield
    except psycopg.Error as exc:
        raise converted(exc, doing, hint) from exc


def converted(exc: psycopg.Error, doing: str, hint: str | None = None) -> BackupError:
    """The driver's error as one of the project's: a missing right, a lost connection, or else."""
    message = exc.diag.message_primary or " ".join(str(exc).split())
    text = f"{doing}: {message}" + (f" (SQLSTATE {exc.sqlstate})" if exc.sqlstate else "")
    if exc.sqlstate == "42501":
        return NotPermitted(text, hint=hint)
    if exc.sqlstate is None or exc.sqlstate.startswith(("08", "57P")):
        gone = exc.sqlstate == "57P04"  # the database was dropped
        return ConnectionFailed(
            text, hint=hint or "Look into the server's log, and run again.", transient=not gone
        )
    return ServerError(text, hint=hint, transient=exc.sqlstate in PASSING)


PASSING = frozenset({"40001", "40P01", "55P03", "53300"})
"""States that may pass: a conflict (with recovery too), a deadlock, a lock, no connection left."""


def text(value: bytes | None) -> str:
    """A catalog's text as a string; bytes that are no UTF-8 become lone surrogates."""
    return (value or b"").decode("utf-8", "surrogateescape")


def database_name(name: str) -> bytes:
    """A database's name as bytes.

    Raises:
        Refused: it holds bytes that are no UTF-8 (as lone surrogates), which psycopg cannot connect to.
    """
    try:
        return name.encode()
    except UnicodeEncodeError as exc:
        raise Refused(
            f"database name {name!r} is not UTF-8, the driver cannot connect to it",
            hint="Rename it (ALTER DATABASE … RENAME TO …), or leave it out with ignore in the config.",
        ) from exc


def identifier(name: bytes) -> bytes:
    """A name as SQL has it, always in double quotes."""
    return b'"' + name.replace(b'"', b'""') + b'"'


def literal(value: bytes) -> bytes:
    """A text as an SQL literal, whatever standard_conforming_strings is."""
    quoted = b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
    return b" E" + quoted if b"\\" in value else quoted


def major(version: str) -> int:
    """The major number of ``15.18``, ``18beta1`` or ``17.4 (Debian …)``."""
    match = re.match(r"\d+", version)
    if match is None:
        raise ValueError(f"no version: {version!r}")
    return int(match[0])
