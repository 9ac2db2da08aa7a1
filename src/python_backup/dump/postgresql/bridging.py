"""What a PostgreSQL dump of one version needs on another: words that are left out, and what has none.

A newer pg_dump's text goes to an older server as far as that one's grammar goes; the rest is told by
`PostgreSQLBridge` before the target is touched. Sources: the release notes of PostgreSQL 14 to 18.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from python_backup.dump.piece import Piece, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import Kind, Token

_14, _15, _16, _17, _18 = 140000, 150000, 160000, 170000, 180000
_STATISTICS = frozenset(
    {"pg_restore_relation_stats", "pg_restore_attribute_stats", "pg_restore_extended_stats"}
)


def left_out(at: Cursor, version: int) -> str | None:
    """What this is called that an older server can be without: statistics, a column's compression."""
    if (
        version < _18
        and at.sees("select")
        and any(t.name(at.codec) in _STATISTICS for t in _tokens(at) if t.names)
    ):
        return "statistics"
    at.at = 0
    if version < _14 and at.sees("alter", "table"):
        words = [t.word for t in _tokens(at)]
        if _follows(words, "set", "compression"):
            return "compression of a column"
    return None


def bridged(at: Cursor, version: int) -> bytes:
    """The statement without the words that the server does not know and can be without."""
    sql = at.sql
    if version < _14 and at.sees("create", "type"):
        return _without_option(sql, _tokens(at), "multirange_type_name")
    if version < _17 and at.sees("grant|revoke|alter"):
        return _without_maintain(sql, _tokens(at))
    return sql


def _without_option(sql: bytes, found: Sequence[Token], option: str) -> bytes:
    """A range type's option and the comma before it."""
    place = next((i for i, t in enumerate(found) if t.word == option), None)
    if place is None or found[place - 1].text != b",":
        return sql
    end = place
    while end < len(found) and found[end].text not in (b",", b")"):
        end += 1
    return sql[: found[place - 1].start] + sql[found[end - 1].end :]


def _without_maintain(sql: bytes, found: Sequence[Token]) -> bytes:
    """A list of rights without MAINTAIN (17); alone it stays, and the server refuses it."""
    place = next((i for i, t in enumerate(found) if t.word == "maintain"), None)
    if place is None:
        return sql
    if found[place - 1].text == b",":
        return sql[: found[place - 1].start] + sql[found[place].end :]
    if found[place + 1].text == b",":
        return sql[: found[place].start] + sql[found[place + 2].start :]
    return sql


@dataclass(frozen=True, slots=True)
class _Feature:
    """What some statements have; ``first`` is the first version that takes it, ``last`` the last one."""

    name: str
    words: tuple[str, ...]
    verbs: tuple[str, ...]
    first: int = 0
    last: int = 0


_FEATURES = (
    _Feature("a constraint that is not enforced", ("not", "enforced"), ("create", "alter"), _18),
    _Feature("a key WITHOUT OVERLAPS", ("without", "overlaps"), ("create", "alter"), _18),
    _Feature("a foreign key with PERIOD", ("period",), ("alter",), _18),
    _Feature("a COLLATION of the builtin provider", ("provider", "=", "builtin"), ("create",), _17),
    _Feature("NULLS NOT DISTINCT", ("nulls", "not", "distinct"), ("create", "alter"), _15),
    _Feature("a publication of schemas", ("tables", "in", "schema"), ("create", "alter"), _15),
    _Feature("a view with its reader's rights", ("security_invoker",), ("create", "alter"), _15),
    _Feature("a function with an atomic body", ("begin", "atomic"), ("create",), _14),
    _Feature("a WITH OIDS table", ("with", "oids"), ("create",), 0, 119999),
)


def _virtual(found: Sequence[Token]) -> bool:
    """A generated column without STORED: virtual (18)."""
    words = [t.word or t.text.decode("latin-1") for t in found]
    for at in range(len(words) - 3):
        if words[at : at + 3] != ["generated", "always", "as"] or words[at + 3] != "(":
            continue
        depth, end = 0, at + 3
        while end < len(words):
            depth += (words[end] == "(") - (words[end] == ")")
            end += 1
            if depth == 0:
                break
        if words[end : end + 1] != ["stored"]:
            return True
    return False


def _postfix(found: Sequence[Token]) -> bool:
    words = [t.word for t in found]
    return words[1:2] == ["operator"] and "leftarg" in words and "rightarg" not in words


def _named_not_null(found: Sequence[Token]) -> bool:
    words = [t.word or "_" for t in found]
    return any(
        words[i] == "add"
        and words[i + 1 : i + 2] == ["constraint"]
        and words[i + 3 : i + 5] == ["not", "null"]
        for i in range(len(words) - 4)
    )


def _expression_statistics(found: Sequence[Token]) -> bool:
    words = [t.word for t in found]
    if words[1:2] != ["statistics"] or "on" not in words or "from" not in words:
        return False
    return any(t.text == b"(" for t in found[words.index("on") : words.index("from")])


_JUDGED: tuple[tuple[str, str, Callable[[Sequence[Token]], bool], int, int], ...] = (
    ("a virtual generated column", "create", _virtual, _18, 0),
    ("a NOT NULL constraint with a name", "alter", _named_not_null, _18, 0),
    ("an operator behind its operand", "create", _postfix, 0, 139999),
    ("statistics of an expression", "create", _expression_statistics, _14, 0),
)


@dataclass(slots=True)
class PostgreSQLBridge:
    """See `python_backup.dump.dialect.Bridge`; ``version`` is ``server_version_num``."""

    version: int
    _session: Session = field(default_factory=Session)

    def unbridgeable(self, piece: Piece) -> str | None:
        """Why this piece cannot be restored there; None where it can."""
        if not isinstance(piece, Statement):
            return None
        at = self._session.cursor(piece.sql)
        verb = at.peek().word
        self._session.take(piece.sql)
        if verb not in {"create", "alter"}:
            return None
        found = _tokens(self._session.cursor(piece.sql))
        name = self._lacking(verb, found)
        major = self.version // 10000
        return (
            None
            if name is None
            else f"line {piece.line}: {name}: PostgreSQL {major} has nothing of that kind"
        )

    def _lacking(self, verb: str, found: Sequence[Token]) -> str | None:
        words = [t.word or (t.text.decode("latin-1") if t.kind is Kind.SIGN else "") for t in found]
        for feature in _FEATURES:
            if (
                verb in feature.verbs
                and self._lacks(feature.first, feature.last)
                and _follows(words, *feature.words)
            ):
                return feature.name
        for name, of, judge, first, last in _JUDGED:
            if verb == of and self._lacks(first, last) and judge(found):
                return name
        return None

    def _lacks(self, first: int, last: int) -> bool:
        return self.version < first or bool(last and self.version > last)


def _tokens(at: Cursor) -> list[Token]:
    at.at = 0
    found: list[Token] = []
    while not at.ended:
        found.append(at.take())
    return found


def _follows(words: Sequence[str], *pattern: str) -> bool:
    width = len(pattern)
    return any(tuple(words[i : i + width]) == pattern for i in range(len(words) - width + 1))
