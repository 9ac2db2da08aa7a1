"""What the statements within a routine's, trigger's or event's body do outside the database.

A body is no statement of the dump: it is not judged by what a dump needs, but by words that nothing else
in a body can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from python_backup.dump.mysql.tokens import Token

_OUTSIDE = frozenset(
    """
    DATABASE SCHEMA USER ROLE SERVER TABLESPACE UNDO LOGFILE RESOURCE INSTANCE CATALOG
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_RESERVED = {
    "KILL": "ends other sessions",
    "GRANT": "changes rights",
    "REVOKE": "changes rights",
    "PURGE": "changes the server's logs",
}
_PAIRS = {
    "RESET": frozenset(("MASTER", "SLAVE", "REPLICA", "BINARY", "PERSIST")),
    "INSTALL": frozenset(("PLUGIN", "COMPONENT", "SONAME")),
    "UNINSTALL": frozenset(("PLUGIN", "COMPONENT", "SONAME")),
    "CHANGE": frozenset(("MASTER", "REPLICATION")),
    "START": frozenset(("SLAVE", "REPLICA", "ALL", "GROUP_REPLICATION")),
    "STOP": frozenset(("SLAVE", "REPLICA", "ALL", "GROUP_REPLICATION")),
    "RENAME": frozenset(("USER",)),
    "IMPORT": frozenset(("TABLE",)),
    "LOCK": frozenset(("INSTANCE",)),
    "BACKUP": frozenset(("STAGE", "LOCK")),
    "CLONE": frozenset(("LOCAL", "INSTANCE")),
}
_ALONE = frozenset(("SHUTDOWN", "RESTART"))
_BEGINS = frozenset((";", ":", "BEGIN", "DO", "THEN", "ELSE", "LOOP", "REPEAT", "ROW", ")"))
_NO_STATEMENT_BEFORE = frozenset((".", ",", "=", ":=", "(", "AS", "SELECT", "DECLARE"))


def body_outside(found: Sequence[Token]) -> str | None:
    """The first thing that a body does to the server or to other databases, by its words."""
    alters = False
    for at in range(1, len(found)):
        word, before = found[at].word, found[at - 1].word
        if word == ";":
            alters = False
        if not word or before in _NO_STATEMENT_BEFORE:
            continue
        ahead = found[at + 1].word if at + 1 < len(found) else ""
        if word in ("CREATE", "ALTER", "DROP") and not alters:
            kind = found[at + 3].word if ahead == "OR" and at + 3 < len(found) else ahead
            if kind in _OUTSIDE:
                return f"reaches outside the database: {word} {kind}"
            alters = word == "ALTER"
        elif word in _RESERVED and ahead not in (".", "=", ","):
            return f"{_RESERVED[word]}: {word}"
        elif ahead in _PAIRS.get(word, ()) or (word in _ALONE and before in _BEGINS):
            return f"changes the server: {word} {ahead}".rstrip(" ;")
    return None


def makes_up(found: Sequence[Token]) -> bool:
    """Whether it makes statements from text, which could be anything."""
    return any(t.word in ("PREPARE", "IMMEDIATE") for t in found)
