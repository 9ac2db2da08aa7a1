"""The driver's seam: how an instance becomes a PyMySQL session.

No option file is read, autocommit is on, text is utf8mb4. Nothing above this file knows PyMySQL.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import SERVER_STATUS

from python_backup.engines import liveness
from python_backup.engines.liveness import Patience
from python_backup.engines.mysql import packets
from python_backup.engines.mysql.listening import listen
from python_backup.engines.mysql.refused import DEFAULT_PORT, NOBODY, converted, reaching, said
from python_backup.engines.tls import check_files, context_of
from python_backup.errors import ConnectionFailed, Refused
from python_backup.instance import Instance, Tls, TlsMode

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value for a close that throws away what was not sent and resets the connection: socket(7)."""

CONNECT_SECONDS = 10
LOGIN_SECONDS = 30
"""For each answer of a server that took the connection; some look up the client's name meanwhile."""

MOST_ROWS = 2**64 - 1
"""More than a table has: for servers, no limit."""

ALL_ROWS = f"sql_select_limit = {MOST_ROWS}"
"""Its DEFAULT is the server's own, behind which a SELECT ends without a word."""

_IDLE_SECONDS = 86_400
"""A session stays open while a dump of hours runs beside it, whatever the server's wait_timeout."""


def quoted(name: str) -> str:
    """The name as an identifier in backticks, right under every sql_mode.

    Raises:
        Refused: a character is beyond U+FFFF. MySQL 9.7 would take ``?`` for it, and so another database.
    """
    if name and max(name) > "\uffff":
        raise Refused(
            f"{name!r} is no name of a database or table: MySQL and MariaDB have no such character in names",
            hint="Choose a name without emoji: --target NAME.",
        )
    return "`" + name.replace("`", "``") + "`"


def arguments(instance: Instance) -> dict[str, Any]:
    """PyMySQL's keywords for this instance. The password is among them, as UTF-8 bytes.

    PyMySQL would encode a password of type str as Latin-1; the servers and their own clients take
    the bytes as typed, which are UTF-8 today.
    """
    where: dict[str, Any] = (
        {"unix_socket": instance.socket}
        if instance.socket
        else {"host": instance.host, "port": instance.port or DEFAULT_PORT}
    )
    return {
        **where,
        **_tls(instance.tls, local=instance.socket is not None),
        "user": instance.account or None,
        "password": instance.password.reveal().encode() if instance.password else b"",
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": LOGIN_SECONDS,
        "write_timeout": LOGIN_SECONDS,  # the one that TLS's handshake goes by, as it comes after a write
        "local_infile": False,
        "program_name": "vya-backupdb",
    }


def _tls(tls: Tls, *, local: bool) -> dict[str, Any]:
    """PyMySQL's keywords for TLS.

    Without any, PyMySQL 1.2 takes TLS where the server has it and verifies nothing: ``prefer``. A
    given context makes TLS a condition, so ``prefer`` with a client certificate is ``require``.
    Through a socket ``prefer`` means none: there is no network to listen to.
    """
    if tls.mode is TlsMode.DISABLE or (tls.mode is TlsMode.PREFER and local):
        return {"ssl_disabled": True}
    if tls.mode is TlsMode.PREFER and tls.cert is None:
        return {}
    return {"ssl": context_of(tls)}


@dataclass(slots=True)
class Session:
    """One connection to a server, on which statements are run one at a time.

    ``encrypted`` says whether TLS is used.
    """

    instance: Instance
    version: str
    encrypted: bool
    _connection: Any

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query; each ``%s`` in it takes a value.

        Raises:
            NotPermitted: a right is missing.
            ServerSaid: the server refused it for another reason.
        """
        with converted(self.instance, rights=True), self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, None without one."""
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def mappings(self, sql: str) -> list[dict[str, Any]]:
        """All rows of a query, each by the names of its columns; raises as `rows`."""
        with converted(self.instance, rights=True), self._connection.cursor() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def secured(self) -> tuple[bytes | None, str]:
        """The server's certificate (DER) and the TLS version; empty where TLS is not used."""
        link = self._connection._sock  # noqa: SLF001 - the driver tells neither
        if not isinstance(link, ssl.SSLSocket):
            return None, ""
        return link.getpeercert(binary_form=True), link.version() or ""

    def use(self, database: str) -> None:
        """Makes this the session's database."""
        with converted(self.instance, rights=True):
            self._connection.select_db(database)

    @property
    def amid(self) -> bool:
        """Whether a transaction is open that has touched a table, as the server's last answer told."""
        return bool(self._connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def send(self, statement: bytes | bytearray) -> int:
        """Sends one statement as it is, and returns its affected rows; results are thrown away.

        The driver cuts a long one into packets: of a view, since each cut of bytes would copy the rest.
        Raises `ServerSaid` where the server refused it, rights included.
        """
        with converted(self.instance, rights=False):
            return int(self._connection.query(memoryview(statement)))

    def send_parts(self, parts: Iterable[bytes | bytearray]) -> int:
        """Sends one statement whose parts come one by one; as `send`."""
        with converted(self.instance, rights=False):
            return packets.query(self._connection, parts)

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The driver's own connection, whose errors come as those of `rows`."""
        with converted(self.instance, rights=True):
            yield self._connection

    def break_off(self) -> None:
        """Ends the connection under another thread that waits for its answer, if there still is one.

        A server amid a large result learns of it when the socket is closed, by a reset: after a shutdown
        alone nobody reads, the window stays shut, and it would wait for its ``net_write_timeout``.
        """
        link = self._connection._sock  # noqa: SLF001 - the driver has no other name
        if link is not None:
            with suppress(OSError):
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                link.shutdown(socket.SHUT_RDWR)

    def altered(self) -> tuple[int, str] | None:
        """What the last sent statement's values were changed in rather than refused: the first warning.

        A session without strict modes, as dumps set, turns a value that a column cannot hold into another.
        Code and reason are the server's own; notes are none.
        """
        if not self._connection._result.warning_count:  # noqa: SLF001 - it has no other name
            return None
        with converted(self.instance, rights=False):
            said = self._connection.show_warnings()
        return next(((int(code), str(reason)) for level, code, reason in said if level != "Note"), None)

    def revive(self) -> bool:
        """Connects anew where the connection was lost while nobody used it; says whether it was."""
        try:
            self._connection.ping(reconnect=False)
        except (pymysql.MySQLError, OSError):
            self.close()
            again = open_session(self.instance)
            self.version, self.encrypted = again.version, again.encrypted
            self._connection = again._connection  # noqa: SLF001 - of its own class
            return True
        return False

    def close(self) -> None:
        """Ends the connection; it may be lost already, or ended before."""
        if self._connection.open:
            self._connection.close()


def open_session(instance: Instance, database: str | None = None) -> Session:
    """Connects to the instance's server.

    Raises:
        ConnectionFailed: with address, user and the driver's reason.
        NotPermitted: the login was refused.
    """
    check_files(instance)
    with reaching(instance):
        connection = _connected(instance, arguments(instance) | {"database": database})
        bounds = liveness.patience(instance.limits.idle)
        listen(connection, bounds.silence, lambda: _ask(instance, bounds))
    session = Session(
        instance,
        version="",
        encrypted=bool(getattr(connection, "_secure", False)) and instance.socket is None,
        _connection=connection,
    )
    # not from the handshake: there MariaDB before 11 puts "5.5.5-" before its version
    session.version = str(session.value("SELECT VERSION()"))
    endless = "max_statement_time" if "mariadb" in session.version.lower() else "max_execution_time"
    session.rows(f"SET SESSION wait_timeout = {_IDLE_SECONDS}, {endless} = 0, {ALL_ROWS}")
    return session


def _connected(instance: Instance, given: dict[str, Any]) -> Any:
    """A PyMySQL connection that is logged in."""
    local = None if instance.socket is None else _local_socket(instance.socket, given["connect_timeout"])
    preferring = not given.keys() & {"ssl", "ssl_disabled"}
    connection: Any = pymysql.connect(
        **given | ({"ssl_disabled": True} if preferring else {}), defer_connect=True
    )
    if preferring:  # as the driver does, but its context reads the system's authorities, 20 ms, for no use
        connection.ssl, connection.ctx = True, context_of(instance.tls)
    connection._secure = local is not None  # noqa: SLF001 - as PyMySQL has it for its own local sockets
    connection.connect(local)
    return connection


def _ask(instance: Instance, bounds: Patience) -> None:
    """Raises `TimeoutError` where the server answers nobody; PyMySQL ends the connection then."""
    if not liveness.lives(lambda seconds: _answers(instance, seconds), bounds):
        raise TimeoutError(bounds.words)


def _answers(instance: Instance, seconds: float) -> bool:
    """Whether the server says anything to a new connection; a refusal of its own is an answer."""
    try:
        bounds = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), seconds)
        bounded = arguments(instance) | bounds
        _connected(instance, bounded).close()
    except ConnectionFailed:
        return False
    except pymysql.MySQLError as exc:
        return said(exc)[0] not in NOBODY
    return True


def _local_socket(path: str, seconds: float) -> socket.socket:
    """A socket that is connected; PyMySQL would leave its own unclosed where nobody listens."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(seconds)
    try:
        made.connect(path)
    except OSError as exc:
        made.close()
        raise ConnectionFailed(
            f"cannot connect to {path}: {exc.strerror or exc}",
            hint="Check socket in the config, and that the server is running.",
            transient=True,
        ) from exc
    return made


Opener = Callable[[], Session]
"""Makes a further session to the same server."""
