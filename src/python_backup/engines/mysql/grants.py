"""The rights on single routines: the server takes them away when a routine is dropped.

Those on tables and databases stay by name. A restore makes routines anew, and gives their rights again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from python_backup.engines.mysql import survey, target
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import NotPermitted

_NO_NEW_ACCOUNTS = "NO_AUTO_CREATE_USER"
"""Without this mode, MariaDB and MySQL 5.7 make a dropped account anew, without a password."""


def held(session: Session, database: str) -> tuple[str, ...]:
    """The rights on this database's routines, as statements; none where the account cannot see them."""
    try:
        rows = session.rows(
            "SELECT user, host, routine_type, routine_name, proc_priv FROM mysql.procs_priv WHERE db = %s",
            database,
        )
    except NotPermitted:
        return ()
    found = []
    for user, host, kind, name, privileges in rows:
        rights = [right for right in privileges.split(",") if right and right != "Grant"] or ["USAGE"]
        option = " WITH GRANT OPTION" if "Grant" in privileges.split(",") else ""
        who = target.quoted_account((user, host))
        found.append(
            f"GRANT {', '.join(rights)} ON {kind} {quoted(database)}.{quoted(name)} TO {who}{option}"
        )
    return tuple(found)


def give(session: Session, grants: Iterable[str]) -> tuple[str, ...]:
    """Gives them again, each that the server takes; a sentence for each that it does not."""
    wanted = tuple(grants)
    if not wanted:
        return ()
    modes = session.value("SELECT @@SESSION.sql_mode")
    makes_accounts = survey.is_mariadb(session) or session.version.startswith("5.")
    session.rows("SET SESSION sql_mode = %s", _NO_NEW_ACCOUNTS if makes_accounts else "")
    gone = tuple(_given(session, wanted))
    session.rows("SET SESSION sql_mode = %s", modes)
    return gone


def _given(session: Session, grants: Iterable[str]) -> Iterator[str]:
    for grant in grants:
        try:
            session.send(grant.encode())
        except ServerSaid as exc:
            yield f"a right on a routine is gone: {grant}: {exc.reason}"
