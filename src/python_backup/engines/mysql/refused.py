"""The server's refusals: what PyMySQL raises, as errors of this program, by the server's code."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
from pymysql.constants import CR, ER

from python_backup.engines.tls import hint_for
from python_backup.errors import ConnectionFailed, NotPermitted, StatementFailed
from python_backup.instance import Instance

DEFAULT_PORT = 3306
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

NOBODY = frozenset(
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


def address(instance: Instance) -> str:
    """Where the server is, as it is shown to people."""
    return instance.socket or f"{instance.host}:{instance.port or DEFAULT_PORT}"


@contextmanager
def reaching(instance: Instance) -> Iterator[None]:
    """Turns what fails a login into errors that name the server and the account.

    Raises:
        ConnectionFailed: nobody answers, or the handshake failed.
        NotPermitted: the login was refused.
    """
    who = f"{address(instance)} as {instance.account or 'the current user'!r}"
    try:
        yield
    except pymysql.MySQLError as exc:
        code, reason = said(exc)
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
def converted(instance: Instance, *, rights: bool) -> Iterator[None]:
    """Turns what fails a statement into errors; ``rights`` says whether a missing right is one of its own.

    Raises:
        ConnectionFailed: the connection was lost.
        NotPermitted: a right is missing, or the account may do nothing before its password is changed.
        ServerSaid: the server refused it for another reason.
    """
    try:
        yield
    except pymysql.MySQLError as exc:
        code, reason = said(exc)
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
        raise ServerSaid(code, reason, hint=_HINTS.get(code)) from exc


_HINTS = {
    1812: "In a crash amid RENAME TABLE MySQL may forget where a table is whose name, or its database's, has"
    " special characters (bugs.mysql.com/113416): restart the server once more.",
}


def said(exc: pymysql.MySQLError) -> tuple[int, str]:
    """The server's or the driver's code (0 without one) and its reason on one line, cut where it is long."""
    code = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
    reason = " ".join(str(exc.args[1] if len(exc.args) > 1 else exc).split())
    return code, reason if len(reason) <= _REASON_LENGTH else reason[: _REASON_LENGTH - 1] + "…"
