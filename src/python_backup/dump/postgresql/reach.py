"""Follows what a dump makes that reaches outside when it is used: functions, views, foreign tables.

Making them is honest, and pg_dump writes them down; using them while the dump is loaded is not: an
INSERT that fires such a trigger, an index or a materialized view that calls such a function, a SELECT
from a foreign table. A function's text is judged by its words; one that makes up its statements
(``EXECUTE``), or that is in a language whose text tells nothing here, may reach anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from python_backup.dump.postgresql.bodies import SECRETS, WRITES, body_outside, reaching, texts_of, tokens_of
from python_backup.dump.postgresql.forbidden import call_outside, outside
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import Kind, Token

_RUNS = WRITES | {
    "select", "with", "values", "call", "explain", "table", "prepare", "execute", "declare", "refresh",
    "copy", "analyze", "analyse", "vacuum",
}  # fmt: skip
_WORDS_BEFORE_KIND = frozenset({
    "or", "replace", "temp", "temporary", "global", "local", "unlogged", "recursive", "constraint", "unique",
})  # fmt: skip
_BUILT_OF_FUNCTIONS = frozenset({
    "operator", "cast", "conversion", "type", "transform", "access", "text", "language",
})  # fmt: skip
_CALLING = (["table"], ["foreign"], ["domain"])
_CALLABLE, _RELATION, _FIRED, _REFUSED, _CATALOG = "callable", "relation", "fired", "refused", "catalog"


@dataclass(slots=True)
class Reach:
    """What of one dump reaches outside, by the last part of its name."""

    _marked: dict[str, set[str]] = field(
        default_factory=lambda: {k: set() for k in (_CALLABLE, _RELATION, _FIRED, _REFUSED, _CATALOG)}
    )
    _writers: set[str] = field(default_factory=set)
    _users: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _defaults: dict[str, set[str]] = field(default_factory=dict)
    _event: str | None = None
    _subscribes: bool = False

    def take(self, session: Session, sql: bytes) -> str | None:
        """Learns from one statement; the reason to refuse it, if there is one."""
        at = session.cursor(sql)
        verb = at.peek().word
        if self._subscribes and at.sees("drop", "subscription"):
            return "DROP SUBSCRIPTION of the dump's own, which connects to its server"
        self._subscribes = self._subscribes or at.sees("create", "subscription")
        if verb not in _RUNS and verb not in {"create", "alter"} and self._event is None:
            return None
        found = tokens_of(at)
        reason = self._fires_event(verb, found)
        if reason is None and verb == "create":
            reason = self._create(session, found)
        elif reason is None and verb == "alter":
            reason = self._alter(session, found)
        elif reason is None and verb in _RUNS:
            reason = self.run(session, found, writes=not WRITES.isdisjoint(t.word for t in found))
        if reason is None and self._marked[_REFUSED]:
            reason = f"{next(iter(self._marked[_REFUSED]))} is made to reach outside the database"
        return reason

    def data(self, session: Session, sql: bytes) -> str | None:
        """The reason to refuse a table's data, given its head."""
        found = tokens_of(session.cursor(sql))
        table = _dotted(session, found, 2 if found[0].word == "insert" else 1)[-1:]
        name = table[0] if table else ""
        if any(name in self._marked[kind] for kind in (_FIRED, _RELATION, _CATALOG)):
            return f"rows for {name}, which make the server reach outside the database"
        where = next((n for n, t in enumerate(found) if t.word == "where"), None)
        if found[0].word == "copy" and where is not None:
            used = self._used(session, found[where:])
            if reason := call_outside(session.cursor(sql[found[where].start :])):
                return reason
            if used:
                return f"would run {min(used)}, which reaches outside the database"
        named = {t.name(session.codec) for t in found if t.names}
        if self._defaults.get(name, set()) - named or (name in self._defaults and found[0].word == "insert"):
            return f"rows for {name}, whose defaults reach outside the database"
        return None

    def may_be_used(self, text: bytes) -> bool:
        """Whether rows may hold a call of such a function; `run` decides."""
        names = self._marked[_CALLABLE] | self._marked[_RELATION]
        lower = text.lower()
        return any(n.lower().encode("utf-8", "surrogateescape") in lower for n in names)

    def run(self, session: Session, found: Sequence[Token], *, writes: bool) -> str | None:
        """The reason not to run these tokens at once."""
        used = self._used(session, found)
        if not used and writes:
            used = {t.name(session.codec) for t in found if t.names} & (
                self._marked[_FIRED] | self._marked[_CATALOG] | self._defaults.keys()
            )
        return f"would run or read {min(used)}, which reaches outside the database" if used else None

    def _used(self, session: Session, found: Sequence[Token]) -> set[str]:
        """The functions called and relations named in these tokens that reach outside."""
        callables, relations = self._marked[_CALLABLE], self._marked[_RELATION]
        used: set[str] = set()
        for place, token in enumerate(found):
            if not token.names:
                continue
            name = token.name(session.codec)
            before = found[place - 1].text if place else b""
            after = found[place + 1].text if place + 1 < len(found) else b""
            own = before == b"." and place > 1 and found[place - 2].name(session.codec) == "pg_catalog"
            called = name in callables and not own and (after == b"(" or before == b".")  # f(x), x.f
            if called or name in relations or name in SECRETS:
                used.add(name)
        return used

    def _mark(self, kind: str, name: str) -> None:
        if name in self._marked[kind]:
            return
        self._marked[kind].add(name)
        if kind == _CATALOG:
            self._catalog_used(name)
        elif kind != _FIRED:
            for user_kind, user in self._users.get(name, ()):
                if kind == _CALLABLE or user_kind != _REFUSED:
                    self._mark(user_kind, user)

    def _catalog_used(self, view: str) -> None:
        """What writes to a view of the server's catalog changes the catalog."""
        for kind, user in self._users.get(view, ()):
            if kind == _RELATION:
                self._mark(_CATALOG, user)
            elif kind == _CALLABLE and user in self._writers:
                self._mark(_CALLABLE, user)

    def _uses(self, kind: str, name: str, words: Iterable[str]) -> None:
        """Notes what an object is made of; it reaches outside when that does, now or by a later change."""
        reaching = self._marked[_CALLABLE] | (set() if kind == _REFUSED else self._marked[_RELATION])
        for word in set(words):
            if word != name or kind == _FIRED:
                self._users.setdefault(word, []).append((kind, name))
                if word in reaching:
                    self._mark(kind, name)
                if word in self._marked[_CATALOG]:
                    self._catalog_used(word)

    def _fires_event(self, verb: str, found: Sequence[Token]) -> str | None:
        if self._event is None or verb in {"set", "select", "insert", "copy"}:
            return None
        if any([t.word for t in found[n : n + 2]] == ["event", "trigger"] for n in (1, 2)):
            return None
        return f"would fire the event trigger {self._event}, which reaches outside the database"

    def _create(self, session: Session, found: Sequence[Token]) -> str | None:
        at = 1
        while at < len(found) and found[at].word in _WORDS_BEFORE_KIND:
            at += 1
        kind = found[at].word if at < len(found) else ""
        names = [t.name(session.codec) for t in found if t.names]
        if kind in _SPECIAL:
            return _SPECIAL[kind](self, session, found, at)
        called = [n for n in names if reaching(n)]
        if kind == "view" and any(n.startswith("pg_") or n == "information_schema" for n in names):
            self._mark(_CATALOG, _dotted(session, found, at + 1)[-1])
        made = {"aggregate": _CALLABLE, "view": _RELATION}
        if kind in made:
            self._made(made[kind], _dotted(session, found, at + 1), names, reaches=bool(called))
        elif kind in {"trigger", "policy", "rule"}:
            self._on_table(session, found, kind, names)
        elif kind in _BUILT_OF_FUNCTIONS:
            if called := called or sorted(self._marked[_CALLABLE].intersection(names)):
                return f"{kind.upper()} made of {called[0]}, which reaches outside the database"
            self._uses(_REFUSED, kind.upper(), names)
        elif kind in {"index", "statistics", "domain"}:
            if used := self._used(session, found) & self._marked[_CALLABLE]:
                return f"calls {min(used)}, which reaches outside the database"
            self._uses(_REFUSED, kind.upper(), _called(session, found))
        return None

    def _made(self, kind: str, name: Sequence[str], words: Sequence[str], *, reaches: bool) -> None:
        last = name[-1] if name else ""
        self._uses(kind, last, words)
        if reaches:
            self._mark(kind, last)

    def _function(self, session: Session, found: Sequence[Token], at: int) -> str | None:
        name = _dotted(session, found, at + 1)
        words = [t.name(session.codec) for t in found if t.names]
        bodies = texts_of(session, found)
        for body in bodies:
            words += [t.name(session.codec) for t in body if t.names]
        reaches = body_outside(session, found, bodies, words)
        if reaches and name[:-1] == ("pg_catalog",):
            return f"a function {name[-1]} among the server's own that reaches outside the database"
        atomic = {t.word for t in found} if "atomic" in {t.word for t in found} else set()
        if name and not WRITES.isdisjoint({t.word for body in bodies for t in body} | atomic):
            self._writers.add(name[-1])
        self._made(_CALLABLE, name, words, reaches=reaches)
        return None

    def _foreign(self, session: Session, found: Sequence[Token], at: int) -> str | None:
        if found[at + 1].word != "table":
            return None
        self._mark(_RELATION, _dotted(session, found, at + 2)[-1])
        for place, token in enumerate(found):
            if [t.word for t in found[place : place + 2]] == ["partition", "of"]:
                self._mark(_RELATION, _dotted(session, found, place + 2)[-1])
            elif token.word == "inherits":
                for parent in found[place + 2 :]:
                    if parent.text == b")":
                        break
                    if parent.names:
                        self._mark(_RELATION, parent.name(session.codec))
        return None

    def _materialized(self, session: Session, found: Sequence[Token], at: int) -> str | None:
        names = [t.name(session.codec) for t in found if t.names]
        empty = [t.word for t in found[-3:]] == ["with", "no", "data"]
        called = next((n for n in names if outside(n)), None)
        used = self._used(session, found)
        if not empty and (called or used):
            return f"runs {called or min(used)}, which reaches outside the database"
        self._made(_RELATION, _dotted(session, found, at + 2), names, reaches=bool(called))
        return None

    def _event_trigger(self, session: Session, found: Sequence[Token], at: int) -> str | None:
        names = [t.name(session.codec) for t in found if t.names]
        if self._marked[_CALLABLE].isdisjoint(names):
            self._uses(_REFUSED, "EVENT TRIGGER", names[4:])
            return None
        self._event = _dotted(session, found, at + 2)[-1]
        if "login" in names:
            return f"the event trigger {self._event} would reach outside the database at the next login"
        return None

    def _on_table(self, session: Session, found: Sequence[Token], kind: str, names: Sequence[str]) -> None:
        word = "to" if kind == "rule" else "on"
        place = next((i for i, t in enumerate(found) if t.word == word), None)
        if place is None:
            return
        table = _dotted(session, found, place + 1)[-1:]
        called = any(reaching(n) for n in names)
        called = called or (kind == "rule" and not self._marked[_CATALOG].isdisjoint(names))
        what = _FIRED if kind == "trigger" else _RELATION
        if table:
            self._made(what, table, [n for n in names if n != table[0]], reaches=called)

    def _table(self, session: Session, found: Sequence[Token], at: int) -> str | None:
        start = at + 1
        while found[start : start + 1] and found[start].word in {"if", "not", "exists"}:
            start += 1
        name = _dotted(session, found, start)[-1:]
        if _of_query(found):
            return self.run(session, found[start:], writes=False)
        if not name:
            return None
        defaults, rest = _defaulted(session, found, self._marked[_CALLABLE])
        if defaults:
            self._defaults.setdefault(name[0], set()).update(defaults)
        self._uses(_FIRED, name[0], set(_called(session, rest)) - {name[0]})
        return None

    def _alter(self, session: Session, found: Sequence[Token]) -> str | None:
        words = [t.word for t in found]
        names = {t.name(session.codec) for t in found if t.names}
        if words[1:2] == ["subscription"] and "owner" not in words:
            return "ALTER SUBSCRIPTION, which may connect to another server"
        if "rename" in words and "to" in words:
            new = _dotted(session, found, words.index("to", words.index("rename")) + 1)[-1:]
            for kind in (_CALLABLE, _RELATION, _FIRED):
                if new and names & self._marked[kind]:
                    self._mark(kind, new[0])
            return None
        if "attach" in words or "inherit" in words:
            for name in names & self._marked[_RELATION]:
                for other in names - {name}:
                    self._mark(_RELATION, other)
            return None
        return self._alter_calls(session, found, words) if words[1:2] in _CALLING else None

    def _alter_calls(self, session: Session, found: Sequence[Token], words: Sequence[str]) -> str | None:
        """What an ALTER TABLE or DOMAIN calls, now or when rows come."""
        used = self._used(session, found) & self._marked[_CALLABLE]
        name = _dotted(session, found, 2)[-1:]
        if not used and name and words[1] != "domain":
            self._uses(_FIRED, name[0], set(_called(session, found)) - {name[0]})
        if not used or self._set_default(session, found, words):
            return None
        return f"calls {min(used)}, which reaches outside the database"

    def _set_default(self, session: Session, found: Sequence[Token], words: Sequence[str]) -> bool:
        """``ALTER TABLE t ALTER COLUMN c SET DEFAULT …`` runs nothing yet."""
        set_at = next((i for i, _ in enumerate(words) if words[i : i + 2] == ["set", "default"]), None)
        name = _dotted(session, found, 2)[-1:]
        if set_at is None or not name or "," in words:
            return False
        self._defaults.setdefault(name[0], set()).add(found[set_at - 1].name(session.codec))
        return True


_SPECIAL: dict[str, Callable[[Reach, Session, Sequence[Token], int], str | None]] = {
    "function": Reach._function,  # noqa: SLF001 - this module's own table
    "procedure": Reach._function,  # noqa: SLF001
    "foreign": Reach._foreign,  # noqa: SLF001
    "materialized": Reach._materialized,  # noqa: SLF001
    "event": Reach._event_trigger,  # noqa: SLF001
    "table": Reach._table,  # noqa: SLF001
}


def _called(session: Session, found: Sequence[Token]) -> list[str]:
    """What stands before a bracket."""
    return [t.name(session.codec) for t, n in pairwise(found) if t.names and n.text == b"("]


def _of_query(found: Sequence[Token]) -> bool:
    """Whether a CREATE TABLE is filled at once: ``AS SELECT``, ``AS (SELECT``; not ``ALWAYS AS (``."""
    words = {"select", "with", "table", "values", "execute"}
    return any(
        t.word == "as" and (n.word in words or (n.text == b"(" and b.word != "always"))
        for b, t, n in zip(found, found[1:], found[2:], strict=False)
    )


def _dotted(session: Session, found: Sequence[Token], at: int) -> tuple[str, ...]:
    """The parts of the name that begins at this token, past IF [NOT] EXISTS and ONLY."""
    while at < len(found) and found[at].word in {"if", "not", "exists", "only", "into", "concurrently"}:
        at += 1
    parts: list[str] = []
    while at < len(found) and found[at].names:
        parts.append(found[at].name(session.codec))
        if at + 1 < len(found) and found[at + 1].text == b".":
            at += 2
            continue
        break
    return tuple(parts)


def _defaulted(session: Session, found: Sequence[Token], callables: set[str]) -> tuple[set[str], list[Token]]:
    """The columns whose DEFAULT is a call that reaches outside, and the tokens without those calls."""
    columns: set[str] = set()
    rest: list[Token] = []
    depth, column, default = 0, "", False
    for token in found:
        if token.kind is Kind.SIGN:
            depth += (token.text == b"(") - (token.text == b")")
        if depth == 1 and token.kind is Kind.SIGN and token.text in b"(,":
            column, default = "", False
        elif not column and depth == 1:
            column = token.name(session.codec) if token.names else "?"
        elif token.word == "default" and depth == 1:
            default = True
        elif depth == 1 and token.word in {"check", "constraint", "generated", "references", "not"}:
            default = False
        if default and token.names and token.name(session.codec) in callables:
            columns.add(column)
        else:
            rest.append(token)
    return columns, rest
