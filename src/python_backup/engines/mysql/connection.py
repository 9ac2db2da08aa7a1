"""The driver's seam: how an instance becomes a PyMySQL session, and PyMySQL's errors become ours.

No option file is read, autocommit is on, text is utf8mb4. Nothing above this file knows PyMySQL.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CR, ER

from python_backup.engines import liveness
from python_backup.engines.liveness import Patience
from python_backup.engines.mysql import packets
from python_backup.engines.mysql.listening import listen
from python_backup.engines.tls import check_files, context_of, hint_for
from python_backup.errors import ConnectionFailed, NotPermitted, Refused, StatementFailed
from python_backup.model import Instance, Tls, TlsMode

DEFAULT_PORT = 3306
CONNECT_SECONDS = 10
LOGIN_SECONDS = 30
"""For each answer of a server that took the connection; some look up the client's name meanwhile."""

_IDLE_SECONDS = 86_400
"""A session stays open while a dump of hours runs beside it, whatever the server's wait_timeout."""
_REASON_LENGTH = 200

_EXPIRED = 1820
"""The password must be changed first: MariaDB lets the account in, and refuses what it then asks."""

_LOGIN_REFUSED = frozenset(
    {
        ER.ACCESS_DENIED_ERROR,
        ER.DBACCESS_DENIED_ERROR,
        ER.HOST_NOT_PRIVILEGED,
        1524,  # the account's authentication plugin is not loaded
        1698,  # access denied, as MariaDB's unix_socket says it
        _EXPIRED,
        1862,  # the password has expired
        3118,  # the account is locked
        3159,  # the server wants TLS
        4151,  # the account is locked, as MariaDB says it
    }
)
_RIGHT_MISSING = frozenset(
    {
        ER.ACCESS_DENIED_ERROR,
        ER.DBACCESS_DENIED_ERROR,
        ER.TABLEACCESS_DENIED_ERROR,
        ER.COLUMNACCESS_DENIED_ERROR,
        ER.SPECIFIC_ACCESS_DENIED_ERROR,
        ER.PROCACCESS_DENIED_ERROR,
    }
)
_LOST = frozenset(
    {0, CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED, 1053, 1927, 4031}
)

_NOBODY = frozenset(
    {0, CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST}
)
"""The driver's codes for no answer, or for that of a machine or a proxy alone."""

PASSING = frozenset(
    {
        *(1205, 1213),  # a lock was held too long, a deadlock
        *(1412, 1146),  # tables were changed amid a transaction, dropped amid a dump
        *(1040, 1203, 1226),  # no connection left: the server's, the account's
        *(1053, 1077, 1079, 1927, 4031),  # the server is shutting down, the connection was ended
        *(1158, 1159, 1160, 1161),  # the network failed the server
        *(2002, 2003, 2005, 2006, 2013, 2055),  # it cannot be reached, or was lost
    }
)
"""Errors that may be none a little later; of the servers, and (from 2000 on) of their clients."""


class ServerSaid(StatementFailed):
    """The server refused a statement; ``code`` and ``reason`` are its own."""

    def __init__(self, code: int, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"the server refused: {reason} ({code})", hint=hint, transient=code in PASSING)
        self.code = code
        self.reason = reason


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


def address(instance: Instance) -> str:
    """Where the server is, as it is shown to people."""
    return instance.socket or f"{instance.host}:{instance.port or DEFAULT_PORT}"


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
        with _converted(self.instance, rights=True), self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, None without one."""
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def mappings(self, sql: str) -> list[dict[str, Any]]:
        """All rows of a query, each by the names of its columns; raises as `rows`."""
        with _converted(self.instance, rights=True), self._connection.cursor() as cursor:
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
        with _converted(self.instance, rights=True):
            self._connection.select_db(database)

    def send(self, statement: bytes | bytearray) -> int:
        """Sends one statement as it is, and returns its affected rows; results are thrown away.

        The driver cuts a long one into packets: of a view, since each cut of bytes would copy the rest.
        Raises `ServerSaid` where the server refused it, rights included.
        """
        with _converted(self.instance, rights=False):
            return int(self._connection.query(memoryview(statement)))

    def send_parts(self, parts: Iterable[bytes | bytearray]) -> int:
        """Sends one statement whose parts come one by one; as `send`."""
        with _converted(self.instance, rights=False):
            return packets.query(self._connection, parts)

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The driver's own connection, whose errors come as those of `rows`."""
        with _converted(self.instance, rights=True):
            yield self._connection

    def break_off(self) -> None:
        """Ends the connection under another thread that waits for its answer, if there still is one."""
        link = self._connection._sock  # noqa: SLF001 - the driver has no other name
        if link is not None:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def altered(self) -> tuple[int, str] | None:
        """What the last sent statement's values were changed in rather than refused: the first warning.

        A session without strict modes, as dumps set, turns a value that a column cannot hold into another.
        Code and reason are the server's own; notes are none.
        """
        if not self._connection._result.warning_count:  # noqa: SLF001 - it has no other name
            return None
        with _converted(self.instance, rights=False):
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
    with _reaching(instance):
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
    session.rows(f"SET SESSION wait_timeout = {_IDLE_SECONDS}, {endless} = 0")
    return session


def _connected(instance: Instance, given: dict[str, Any]) -> Any:
    """A PyMySQL connection that is logged in."""
    local = None if instance.socket is None else _local_socket(instance.socket, given["connect_timeout"])
    connection: Any = pymysql.connect(**given, defer_connect=True)
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
        return _said(exc)[0] not in _NOBODY
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


@contextmanager
def _reaching(instance: Instance) -> Iterator[None]:
    who = f"{address(instance)} as {instance.account or 'the current user'!r}"
    try:
        yield
    except pymysql.MySQLError as exc:
        code, reason = _said(exc)
        if code in _LOGIN_REFUSED:
            raise NotPermitted(
                f"{who} refused the login: {reason} ({code})",
                hint=hint_for(reason) or _login_hint(instance),
            ) from exc
        raise ConnectionFailed(
            f"cannot connect to {who}: {reason} ({code})",
            hint=hint_for(reason) or _REACHING.get(code),
            transient=code in PASSING and hint_for(reason) is None,
        ) from exc
    except RuntimeError as exc:  # PyMySQL's word for a package that an authentication plugin needs
        raise ConnectionFailed(
            f"cannot log in at {who}: {exc}",
            hint="Install the package that it names beside this program, or take another account.",
        ) from exc
    except (OSError, ssl.SSLError) as exc:
        hint = hint_for(str(exc)) or "Check host, port and tls in the config."
        raise ConnectionFailed(f"cannot connect to {who}: {exc}", hint=hint) from exc


def _login_hint(instance: Instance) -> str:
    """What may be wrong: the server says the same of a wrong password and of a missing certificate."""
    hint = "Check username and password in the config, and the account's host part in mysql.user"
    if instance.tls.cert is None:
        hint += "; one that REQUIREs X509 needs tls.cert and tls.key, one that REQUIREs SSL tls.mode require"
    return f"{hint}."


_REACHING = {
    CR.CR_CONN_HOST_ERROR: "Check host, port, socket and tls in the config, and that the server is running.",
    CR.CR_SSL_CONNECTION_ERROR: "Set tls.mode to prefer, or give the server a certificate.",
    CR.CR_SERVER_LOST: "The server took the connection and gave no login: see whether it hangs.",
    1049: "The database is not there: see SHOW DATABASES.",
    1040: "The server has no connection left: raise max_connections.",
    1129: "Run FLUSH HOSTS on the server.",
}


@contextmanager
def _converted(instance: Instance, *, rights: bool) -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as exc:
        code, reason = _said(exc)
        if code in _LOST:
            raise ConnectionFailed(
                f"the connection to {address(instance)} was lost: {reason} ({code})",
                hint="See the server's error log; a statement larger than max_allowed_packet also ends it.",
                transient=True,
            ) from exc
        if rights and code in _RIGHT_MISSING:
            raise NotPermitted(
                f"{address(instance)} does not permit it: {reason} ({code})",
                hint="Grant the right that the server names to the configured account.",
            ) from exc
        if code == _EXPIRED:
            raise NotPermitted(
                f"{address(instance)} refused the account: {reason} ({code})",
                hint="Give the account a new password (ALTER USER … IDENTIFIED BY …), and the config.",
            ) from exc
        raise ServerSaid(code, reason) from exc


def _said(exc: pymysql.MySQLError) -> tuple[int, str]:
    code = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
    reason = " ".join(str(exc.args[1] if len(exc.args) > 1 else exc).split())
    return code, reason if len(reason) <= _REASON_LENGTH else reason[: _REASON_LENGTH - 1] + "…"


Opener = Callable[[], Session]
"""Makes a further session to the same server."""
