"""The statements that make PostgreSQL's objects, as tokens without what does not make them others.

Left out: comments, white space; whose an object is and who may use it (``OWNER TO``, ``GRANT``, ``REVOKE``,
``ALTER DEFAULT PRIVILEGES``); all that is of no database alone (roles, tablespaces, the database itself); and
what holds passwords (user mappings, subscriptions). Of data, that a materialized view is filled and that a
sequence was not asked for its value yet: no other fact tells it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from python_backup.dump.created import Created
from python_backup.dump.piece import Statement
from python_backup.dump.postgresql.belonging import About, about
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import DOLLAR, WORD
from python_backup.dump.statements import OTHERS, Made
from python_backup.model import label

_MAKES = re.compile(rb"(?i)(?:create|alter|comment|security)(?![A-Za-z0-9_$\x80-\xff])").match
_REFRESHES = re.compile(rb"(?i)refresh\s").match
_UNASKED = re.compile(rb"(?i),\s*false\s*\)\s*\Z").search
_OWNER = re.compile(rb"(?i)\sowner\s+to\s+(?:\"(?:[^\"]|\"\")*+\"|[^\s\"]++)\s*+\Z").search
_LEFT_OUT = frozenset({
    "DATABASE", "ROLE", "USER", "GROUP", "TABLESPACE", "SYSTEM", "PRIVILEGES", "SUBSCRIPTION", "MAPPING",
    "LARGE",
})  # fmt: skip
_STRING = {
    True: rb"[eE]'(?:[^'\\]|\\.|'')*+'|'[^']*+'",
    False: rb"[eE]?'(?:[^'\\]|\\.|'')*+'",
}
_TOKENS = {
    standard: re.compile(
        rb"[ \t\n\r\f\v]++|--[^\n\r]*+|/\*(?:[^*]|\*(?!/))*+\*/"
        rb"|(" + string + rb'|"[^"]*+"|' + WORD + rb"|[0-9]++|(" + DOLLAR + rb").*?\2|.)",
        re.DOTALL,
    ).findall
    for standard, string in _STRING.items()
}
_RELATIONS = frozenset({"tables", "views", "materialized_views", "foreign_tables", "sequences"})
_PARTS = frozenset({"triggers", "policies", "rules", "constraints", "indexes"})
_QUALIFIED = {"index": "indexes", "type": "types", "routine": "routines"}
_ALONE = {"schema": "schemas", "extension": "extensions", "event trigger": "event_triggers"}
_SKIPPED = frozenset({"session", "data", "setval", "refresh", "large object"})


@dataclass(slots=True)
class PostgreSQLStatements:
    """See `python_backup.dump.statements.StatementReader`."""

    session: Session = field(default_factory=Session)
    _relations: dict[str, str] = field(default_factory=dict)
    _parts: dict[str, str] = field(default_factory=dict)

    def __call__(self, statement: Statement, created: Sequence[Created]) -> Made | None:
        """The object that a statement makes, alters or comments on."""
        sql = statement.sql
        self.session.take(sql)
        if not _MAKES(sql):
            return self._filled(sql, created)
        if _OWNER(sql):
            return None
        for one in created:
            if one.kind in _RELATIONS:
                self._relations[one.name] = one.kind
            elif one.kind in _PARTS:
                self._parts[one.name] = one.kind
        if created and not created[0].gone:
            kind, name = created[0].kind, created[0].name
        elif found := self._belongs(self.session.cursor(sql)):
            kind, name = found
        else:
            return None
        return Made(kind, name, b"\x00".join(text for text, _ in _TOKENS[self.session.standard](sql) if text))

    def _filled(self, sql: bytes, created: Sequence[Created]) -> Made | None:
        """That a materialized view is filled, and that a sequence was not asked for its value yet."""
        if _REFRESHES(sql) and (what := about(self.session.cursor(sql))).name:
            return Made("materialized_views", self.session.label(*what.name), b"filled")
        if created and created[0].kind == "sequence_value" and _UNASKED(sql):
            return Made("sequences", created[0].name, b"not asked yet")
        return None

    def _belongs(self, at: Cursor) -> tuple[str, str] | None:
        """Kind and name of the object that a statement is about, if it has one."""
        what = about(at)
        words = what.what.split()
        if what.kind in _SKIPPED or not _LEFT_OUT.isdisjoint(words[1:]):
            return None
        if what.creates == "statistics":
            words, what = (
                ["CREATE", "statistics"],
                replace(what, kind="other", name=(*what.name[:-1], what.part)),
            )
        if what.kind == "part" and (part := self._part(what)) in self._parts:
            return self._parts[part], part
        if what.kind in ("part", "relation"):
            name = self.session.label(*what.name)
            return self._relations.get(name, "tables"), name
        if what.name and what.kind in _QUALIFIED:
            return _QUALIFIED[what.kind], self.session.label(*what.name)
        alone = "event trigger" if words[-2:] == ["EVENT", "TRIGGER"] else what.kind
        if what.name and alone in _ALONE:
            return _ALONE[alone], label(what.name[-1])
        kind = " ".join(words[1:]).lower()
        named = at.name() if what.name == (kind,) else what.name  # the kind's own word is no name
        return OTHERS, f"{kind} {label(*named)}" if named else kind

    def _part(self, what: About) -> str:
        """The label of what belongs to a table."""
        schema = what.name[-2] if len(what.name) > 1 else self.session.schema
        return label(schema, *what.name[-1:], what.part)
