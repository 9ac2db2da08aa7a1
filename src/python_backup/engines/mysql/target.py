"""What the target server knows: collations and accounts for the rewriter, the charset of a new database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_backup.engines.mysql.connection import Session
from python_backup.engines.mysql.rights import read
from python_backup.errors import NotPermitted
from python_backup.late import late

if TYPE_CHECKING:
    from python_backup.dump.dialect import SourceDatabase
    from python_backup.dump.mysql import collations as known_collations
    from python_backup.dump.mysql import rewriter
    from python_backup.dump.mysql.definers import Account
else:
    known_collations, rewriter = late("python_backup.dump.mysql", "collations rewriter")

DEFAULT_CHARSET = "utf8mb4"
DEFAULT_COLLATION = "utf8mb4_unicode_ci"

DEFINER_RIGHTS = ("SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER")
"""What lets an account name another as definer: MariaDB's is SET USER, MySQL's the last from 8.2 on."""
_ALIASES = {"utf8": "utf8mb3", "utf8mb3": "utf8"}


def collations(session: Session) -> frozenset[str]:
    """All collations by their full names.

    MariaDB from 10.10 lists the Unicode 14 collations without their character set
    (``uca1400_ai_ci``); their full names stand in COLLATION_CHARACTER_SET_APPLICABILITY.
    """
    names = {
        name for (name,) in session.rows("SELECT collation_name FROM information_schema.collations") if name
    }
    table = "COLLATION_CHARACTER_SET_APPLICABILITY"
    has_full_names = session.value(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'information_schema'"
        " AND table_name = %s AND column_name = 'FULL_COLLATION_NAME'",
        table,
    )
    if has_full_names:
        names |= {
            name for (name,) in session.rows(f"SELECT full_collation_name FROM information_schema.{table}")
        }
    return frozenset(names)


def current_account(session: Session) -> Account:
    """The account that the server took the login for; its host is a pattern, such as ``%``."""
    user, _, host = str(session.value("SELECT CURRENT_USER()")).rpartition("@")
    return user, host


def accounts(session: Session) -> frozenset[Account] | None:
    """All accounts (and roles, with an empty host), or None where this account may not list them."""
    try:
        return frozenset((user, host) for user, host in session.rows("SELECT user, host FROM mysql.user"))
    except NotPermitted:
        return None


def quoted_account(account: Account) -> str:
    """The account as a GRANT names it: ``'user'@'host'``."""
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in account)


@dataclass(frozen=True, slots=True)
class Charset:
    """What CREATE DATABASE is given; no ``collation``: the character set's own."""

    charset: str
    collation: str | None
    warnings: tuple[str, ...] = ()


def charset_of(like: SourceDatabase | None, known: frozenset[str]) -> Charset:
    """The dump's character set and collation, or what comes nearest of those that the server knows.

    A collation names its character set before the first ``_``, so that is known by it as well.
    """
    charset = (like.properties.get("charset") if like else None) or None
    collation = (like.properties.get("collation") if like else None) or None
    charset = charset or (collation.partition("_")[0] if collation else None)
    if charset is None:
        return Charset(DEFAULT_CHARSET, DEFAULT_COLLATION)
    if not any(name == charset or name.startswith(f"{charset}_") for name in known):
        charset = _ALIASES.get(charset, charset)
    if not any(name == charset or name.startswith(f"{charset}_") for name in known):
        warning = f"the server has no character set {charset!r}: the database is made with {DEFAULT_CHARSET}"
        return Charset(DEFAULT_CHARSET, DEFAULT_COLLATION, (warning,))
    if collation is None or collation in known:
        return Charset(charset, collation)
    near = known_collations.nearest(collation, known)
    warning = f"the server has no collation {collation!r}: the database is made with {near or charset}"
    return Charset(charset, near, (warning,))


def of(session: Session, database: str) -> rewriter.Target:
    """The target database on this session's server, for the rewriter."""
    rights = read((line for (line,) in session.rows("SHOW GRANTS")), database)
    return rewriter.Target(
        database=database,
        version=session.version,
        collations=collations(session),
        accounts=accounts(session),
        current=current_account(session),
        may_set_definer=any(rights.has_everywhere(right) for right in DEFINER_RIGHTS),
        folds_names=session.value("SELECT @@lower_case_table_names") != 0,
    )
