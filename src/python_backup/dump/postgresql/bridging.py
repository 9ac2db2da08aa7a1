"""What a PostgreSQL dump of one version needs on another: words that are left out, and what has none.

A newer pg_dump's text goes to an older server as far as that one's grammar goes; the rest is told by
`PostgreSQLBridge` before the target is touched. Sources: the release notes of PostgreSQL 14 to 18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

from python_backup.dump.choices import Choices
from python_backup.dump.piece import Piece, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.names import quote
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
    at.at = 0
    if version < _17 and at.sees("grant|revoke|alter") and _grants_maintain_alone(_tokens(at)):
        return "right that the server does not know"
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


def _grants_maintain_alone(found: Sequence[Token]) -> bool:
    words = [t.word for t in found]
    return any(_follows(words, before, "maintain", "on") for before in ("grant", "revoke", "for"))


def _without_maintain(sql: bytes, found: Sequence[Token]) -> bytes:
    """A list of rights without MAINTAIN (17)."""
    place = next((i for i, t in enumerate(found) if t.word == "maintain"), None)
    if place is None:
        return sql
    if found[place - 1].text == b",":
        return sql[: found[place - 1].start] + sql[found[place].end :]
    if found[place + 1].text == b",":
        return sql[: found[place].start] + sql[found[place + 2].start :]
    return sql


@dataclass(frozen=True, slots=True)
class _Versions:
    """What some statements have; ``first`` is the first version that takes it, ``last`` the last one."""

    name: str
    first: int = 0
    last: int = 0

    def lacked_by(self, version: int) -> bool:
        return version < self.first or bool(self.last and version > self.last)


@dataclass(frozen=True, slots=True)
class _Feature:
    """What is known by words that stand side by side in statements of these verbs."""

    versions: _Versions
    words: tuple[str, ...]
    verbs: tuple[str, ...]


_FEATURES = (
    _Feature(_Versions("a constraint that is not enforced", _18), ("not", "enforced"), ("create", "alter")),
    _Feature(_Versions("a key WITHOUT OVERLAPS", _18), ("without", "overlaps"), ("create", "alter")),
    _Feature(_Versions("a foreign key with PERIOD", _18), ("period",), ("alter",)),
    _Feature(
        _Versions("a COLLATION of the builtin provider", _17), ("provider", "=", "builtin"), ("create",)
    ),
    _Feature(_Versions("NULLS NOT DISTINCT", _15), ("nulls", "not", "distinct"), ("create", "alter")),
    _Feature(_Versions("a publication of schemas", _15), ("tables", "in", "schema"), ("create", "alter")),
    _Feature(_Versions("a view with its reader's rights", _15), ("security_invoker",), ("create", "alter")),
    _Feature(_Versions("a function with an atomic body", _14), ("begin", "atomic"), ("create",)),
    _Feature(_Versions("a WITH OIDS table", 0, 119999), ("with", "oids"), ("create",)),
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


@dataclass(frozen=True, slots=True)
class _Judged:
    """What takes a look at the whole statement; one that has not this word need not be looked at."""

    versions: _Versions
    verb: str
    word: str
    judge: Callable[[Sequence[Token]], bool]


_JUDGED = (
    _Judged(_Versions("a virtual generated column", _18), "create", "generated", _virtual),
    _Judged(_Versions("a NOT NULL constraint with a name", _18), "alter", "constraint", _named_not_null),
    _Judged(_Versions("an operator behind its operand", 0, 139999), "create", "operator", _postfix),
    _Judged(_Versions("statistics of an expression", _14), "create", "statistics", _expression_statistics),
)


WHOEVER = frozenset({"public", "current_user", "current_role", "session_user"})
"""Words that stand for a role and are none."""


class Target(Protocol):
    """What of the target counts here; see `rewriter.Target`."""

    @property
    def version(self) -> int:
        """``server_version_num``."""
        ...

    @property
    def owners(self) -> AbstractSet[str]:
        """The roles that the account may make the owner of something."""
        ...

    @property
    def roles(self) -> AbstractSet[str]:
        """All roles of the server."""
        ...


@dataclass(slots=True)
class PostgreSQLBridge:
    """See `python_backup.dump.dialect.Bridge`."""

    _session: Session = field(default_factory=Session)
    _places: list[tuple[int, _Versions]] = field(default_factory=list)
    _policies: list[tuple[int, str]] = field(default_factory=list)

    def take(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        if not isinstance(piece, Statement):
            return
        verb = self._session.cursor(piece.sql).peek().word
        self._session.take(piece.sql)
        if verb in {"create", "alter"}:
            found = _tokens(self._session.cursor(piece.sql))
            self._places += ((piece.line, versions) for versions in _used(verb, found))
            self._policies += ((piece.line, role) for role in _of_policy(self._session.cursor(piece.sql)))

    def unbridgeable(self, target: Target, choices: Choices) -> tuple[str, ...]:
        """Why some statements cannot be restored there, each with its line."""
        number, owner = target.version // 10000, choices.owner
        lacking = [
            f"line {line}: {versions.name}: PostgreSQL {number} has nothing of that kind"
            for line, versions in self._places
            if versions.lacked_by(target.version)
        ]
        if owner is not None and owner not in target.owners:
            lacking.append(
                f"role {owner!r} cannot own what the dump makes:"
                f" create it, or GRANT {quote(owner)} TO the account"
            )
        # left out, it might show rows that nobody but the role may see, or hide all
        lacking += [
            f"line {line}: a policy for role {role!r}, which the server lacks: CREATE ROLE {quote(role)}"
            for line, role in self._policies
            if role not in target.roles
        ]
        return tuple(lacking)


def _of_policy(at: Cursor) -> Iterator[str]:
    """The roles of CREATE or ALTER POLICY … TO; none where they are words for whoever asks."""
    if not (at.accept("create|alter", "policy") and at.skip_to("to", "rename") and at.accept("to")):
        return
    while at.peek().names:
        role = at.take()
        if role.word not in WHOEVER:
            yield role.name(at.codec)
        if not at.accept_sign(b","):
            return


def _used(verb: str, found: Sequence[Token]) -> Iterator[_Versions]:
    """What only some versions have of this statement."""
    words = [t.word or (t.text.decode("latin-1") if t.kind is Kind.SIGN else "") for t in found]
    there = frozenset(words)
    for feature in _FEATURES:
        if verb in feature.verbs and there.issuperset(feature.words) and _follows(words, *feature.words):
            yield feature.versions
    for judged in _JUDGED:
        if verb == judged.verb and judged.word in there and judged.judge(found):
            yield judged.versions


def _tokens(at: Cursor) -> list[Token]:
    at.at = 0
    found: list[Token] = []
    while not at.ended:
        found.append(at.take())
    return found


def _follows(words: Sequence[str], *pattern: str) -> bool:
    width = len(pattern)
    return any(tuple(words[i : i + width]) == pattern for i in range(len(words) - width + 1))
