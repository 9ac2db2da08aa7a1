"""What a statement of a dump is about: which table it belongs to, or which other object it makes."""

from __future__ import annotations

from dataclasses import dataclass

from python_backup.dump.postgresql.cursor import Cursor

_SKIPPED = frozenset({
    "or", "replace", "unlogged", "recursive", "constraint", "unique", "trusted", "procedural", "default",
})  # fmt: skip
_RELATIONS = {
    ("foreign", "table"): "table",
    ("materialized", "view"): "view",
    ("table",): "table",
    ("view",): "view",
    ("sequence",): "sequence",
}
_OTHERS = {
    ("large", "object"): "large object",
    ("access", "method"): "other",
    ("event", "trigger"): "other",
    ("foreign", "data", "wrapper"): "other",
    ("operator", "class|family"): "operator",
    ("text", "search", "configuration|dictionary|parser|template"): "text search",
    ("user", "mapping"): "other",
    ("type|domain|collation",): "type",
    ("schema",): "schema",
    ("extension",): "extension",
    ("function|procedure|aggregate|routine",): "routine",
    ("index",): "index",
    ("statistics",): "statistics",
    ("operator",): "operator",
    ("conversion",): "conversion",
}
_OF_TABLE = {"trigger": "on", "policy": "on", "rule": "on"}
_NOT_TABLES = frozenset({"all", "language", "foreign", "database", "tablespace", "parameter"})
_SESSION = frozenset({"set", "reset", "begin", "start", "commit", "end", "rollback", "abort"})


@dataclass(frozen=True, slots=True)
class About:
    """What one statement is about.

    ``kind`` is ``session``, ``data`` (of a large object), ``relation``, ``part`` (of a table), ``setval``,
    ``refresh``, or another object's kind. ``name`` is the object's dotted name; for a part the table's,
    and ``part`` is the part's own. ``what`` is what reports say: ``CREATE INDEX``. ``creates`` is the
    kind of what is made.
    """

    kind: str
    what: str
    name: tuple[str, ...] = ()
    part: str = ""
    creates: str = ""


def about(at: Cursor) -> About:
    """Reads a statement from its first token."""
    verb = at.take().word
    if verb in _SESSION:
        return About("session", verb.upper())
    read = _VERBS.get(verb)
    return About("other", verb.upper()) if read is None else read(verb, at)


def _made(verb: str, at: Cursor) -> About:
    while at.peek().word in _SKIPPED:
        at.take()
    return _object(verb, at)


def _refreshed(verb: str, at: Cursor) -> About:
    at.accept("materialized", "view")
    at.accept("concurrently")
    return About("refresh", f"{verb} MATERIALIZED VIEW".upper(), at.name())


def _granted(verb: str, at: Cursor) -> About:
    if not at.skip_to("on"):
        return About("other", verb.upper())
    at.take()
    bare = at.peek().word not in _NOT_TABLES
    found = _object(verb, at)
    return About("relation", verb.upper(), found.name) if bare and found.kind == "other" else found


def _select(_verb: str, at: Cursor) -> About:
    called = at.name()[-1:]
    if called == ("setval",) and at.accept_sign(b"("):
        return About(
            "setval", "SELECT setval", Cursor((at.string() or "").encode("utf-8", "surrogateescape")).name()
        )
    if called and called[0].startswith(("lo_", "lowrite")):
        return About("data", "large object")
    return About("session", "SELECT")


def _object(verb: str, at: Cursor) -> About:
    for words, kind in _RELATIONS.items():
        if at.accept(*words):
            _careful(at)
            at.accept("only")
            said = f"{verb} {' '.join(words)}".upper()
            return About("relation", said, at.name(), creates=kind if verb == "create" else "")
    for words, kind in _OTHERS.items():
        if not at.sees(*words):
            continue
        said = " ".join(at.take().word for _ in words)
        what = f"{verb} {said}".upper()
        at.accept("concurrently")
        _careful(at)
        if kind in {"index", "statistics"}:
            return _index(kind, what, verb, at)
        if kind == "schema":
            at.accept("authorization")
        if kind == "operator" and said == "operator":
            schema = at.peek().name(at.codec) if at.peek(1).text == b"." else ""
            return About(kind, what, (schema, "") if schema else ())
        return About(kind, what, at.name(), creates=kind if verb == "create" else "")
    word = at.peek().word
    if word in _OF_TABLE:
        at.take()
        _careful(at)
        return _part(word, f"{verb} {word}".upper(), at)
    return About("other", f"{verb} {word}".upper(), at.name())


def _index(kind: str, what: str, verb: str, at: Cursor) -> About:
    """An index or extended statistics: made ON or FROM a table, later known by their own name."""
    name = () if at.sees("on") else at.name()
    if verb != "create":
        return About(kind, what, name)
    if not at.skip_to("on" if kind == "index" else "from"):
        return About("other", what)
    if kind == "statistics":
        last = at.at
        while at.skip_to("from"):
            at.take()
            last = at.at
        at.at = last
    else:
        at.take()
    at.accept("only")
    return About("part", what, at.name(), name[-1] if name else "", creates=kind)


def _part(word: str, what: str, at: Cursor) -> About:
    """A trigger, policy or rule of a table; a rule is made ``ON event TO table``."""
    name = at.name()
    edge = "to" if word == "rule" and what.startswith("CREATE") else _OF_TABLE[word]
    if not name or not at.skip_to(edge):
        return About("other", what)
    at.take()
    return About("part", what, at.name(), name[-1], creates=word if what.startswith("CREATE") else "")


def _commented(verb: str, at: Cursor) -> About:
    at.skip_to("on")
    at.take()
    what = "COMMENT" if verb == "comment" else "SECURITY LABEL"
    if at.accept("column"):
        return About("relation", what, at.name()[:-1])
    if at.accept("constraint"):
        name = at.name()
        at.accept("on")
        if at.accept("domain"):
            return About("type", what, at.name())
        return About("part", what, at.name(), name[-1] if name else "")
    found = _object(verb, at)
    return About(found.kind, what, found.name, found.part)


def _careful(at: Cursor) -> None:
    at.accept("if", "not", "exists")
    at.accept("if", "exists")


_VERBS = {
    "select": _select,
    "refresh": _refreshed,
    "create": _made,
    "alter": _made,
    "drop": _made,
    "comment": _commented,
    "security": _commented,
    "grant": _granted,
    "revoke": _granted,
}
