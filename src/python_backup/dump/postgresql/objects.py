"""What a statement makes, as the server's catalogs will have it afterwards.

Counted are, with the labels they get (schema first; a name without one gets ``search_path``'s):

- ``tables``: CREATE TABLE, partitioned tables and their partitions too; not temporary ones
- ``foreign_tables``, ``views``, ``materialized_views``
- ``sequences``: CREATE SEQUENCE, and those that ``ADD GENERATED … AS IDENTITY (SEQUENCE NAME …)`` names
- ``sequence_value``: ``setval``'s number, whatever its third argument says: what ``SELECT last_value
  FROM sequence`` reads afterwards
- ``routines``: functions, procedures and aggregates, ``schema.name`` without arguments, each overload once
- ``triggers``, ``policies``, ``rules``: ``schema.table.name``; no rule ``_RETURN``, which is a view
- ``event_triggers``, ``extensions``, ``schemas``: the name alone; the schema ``public`` does not count
- ``indexes``: CREATE INDEX, in the table's schema; a constraint's index does not count
- ``constraints``: PRIMARY KEY, UNIQUE, FOREIGN KEY and EXCLUDE, ``schema.table.name``; not CHECK, not
  NOT NULL, not what a partition inherits (``conparentid`` of a foreign key)
- ``types``: enums, composites, ranges, base types and domains; no shell, no multirange
- ``large_objects``: the number

Whatever the server names by itself (a ``serial`` column's sequence, a constraint or an index
without a name) is not counted, since the dump does not say what it will be called. What an
extension brings is not in a dump, and neither is the extension ``plpgsql``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.created import Created
from python_backup.dump.piece import Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import DEFAULT_SCHEMA, Session
from python_backup.dump.postgresql.tokens import Kind
from python_backup.model import label

_FIRST = re.compile(rb"(?i)(?:create|alter|select|set|reset)(?![A-Za-z0-9_$\x80-\xff])").match
_SELECTS = re.compile(rb"(?i)setval|lo_create|set_config").search
_BEFORE_KIND = frozenset({
    "or", "replace", "unlogged", "recursive", "constraint", "unique", "trusted", "procedural",
})  # fmt: skip
_KEYED = frozenset({"primary", "unique", "foreign", "exclude", "references"})

_Reader = Callable[["ObjectReader", Cursor], Iterator[Created]]


@dataclass(slots=True)
class ObjectReader:
    """Reads one stream's statements, in order, since names depend on ``search_path``."""

    session: Session = field(default_factory=Session)
    _views: set[str] = field(default_factory=set)

    def __call__(self, statement: Statement) -> Iterator[Created]:
        """The objects that this statement makes."""
        sql = statement.sql
        first = _FIRST(sql)
        if first is None:
            return iter(())
        self.session.take(sql)
        return _STATEMENTS[first.group().lower()](self, self.session.cursor(sql))

    def create(self, at: Cursor) -> Iterator[Created]:
        """CREATE anything."""
        at.take()
        while at.peek().word in _BEFORE_KIND:
            at.take()
        for words, read in _CREATED.items():
            if at.accept(*words):
                at.accept("concurrently")
                at.accept("if", "not", "exists")
                yield from read(self, at)
                return

    def alter(self, at: Cursor) -> Iterator[Created]:
        """ALTER TABLE … ADD CONSTRAINT, and ADD GENERATED AS IDENTITY."""
        if not (at.accept("alter", "table") or at.accept("alter", "foreign", "table")):
            return
        at.accept("if", "exists")
        at.accept("only")
        table = at.name()
        if not table:
            return
        while not at.ended:
            if at.accept("add", "constraint"):
                yield from self.constraint(at, table)
            elif at.accept("add", "generated"):
                if _steps_into(at) and at.accept("sequence", "name"):
                    yield Created("sequences", self.session.label(*at.name()))
            else:
                at.take()

    def select(self, at: Cursor) -> Iterator[Created]:
        """``SELECT setval(…)`` and ``SELECT lo_create(…)``."""
        if not _SELECTS(at.sql):
            return
        at.take()
        called = at.name()[-1:]
        if not at.accept_sign(b"("):
            return
        if called == ("setval",):
            name = at.string()
            at.accept_sign(b",")
            negative = at.accept_sign(b"-")
            value = at.take()
            if name is not None and value.kind is Kind.NUMBER:
                parts = Cursor(name.encode("utf-8", "surrogateescape")).name()
                yield Created(
                    "sequence_value", self.session.label(*parts), int(value.text) * (-1 if negative else 1)
                )
        elif called == ("lo_create",):
            number = at.string() or at.take().text.decode("latin-1")
            if number.isdigit() and number != "0":
                yield Created("large_objects", number)

    def constraint(self, at: Cursor, table: tuple[str, ...]) -> Iterator[Created]:
        """A constraint's name comes next, then its kind."""
        name = at.name()
        if name and at.peek().word in _KEYED:
            yield Created("constraints", self.within(table, name[-1]))

    def table(self, at: Cursor) -> Iterator[Created]:
        """A table, and the named constraints in its parentheses."""
        name = at.name()
        yield Created("tables", self.session.label(*name))
        depth = 0
        while not at.ended:
            token = at.take()
            if token.kind is Kind.SIGN:
                depth += (token.text == b"(") - (token.text == b")")
                if not depth:
                    return
            elif depth == 1 and token.word == "constraint":
                yield from self.constraint(at, name)

    def view(self, at: Cursor) -> Iterator[Created]:
        """A view; OR REPLACE of one that the dump made (pg_dump, for circles of views) is the same view."""
        name = self.session.label(*at.name())
        if name not in self._views:
            self._views.add(name)
            yield Created("views", name)

    def index(self, at: Cursor) -> Iterator[Created]:
        """An index, which is in its table's schema; nothing for one without a name."""
        name = () if at.sees("on") else at.name()
        if name and at.accept("on"):
            at.accept("only")
            yield Created("indexes", self.session.label(*at.name()[:-1][-1:], name[-1]))

    def type(self, at: Cursor) -> Iterator[Created]:
        """A type, but no shell (``CREATE TYPE x;``), which the type itself follows."""
        name = at.name()
        if not at.ended:
            yield Created("types", self.session.label(*name))

    def schema(self, at: Cursor) -> Iterator[Created]:
        """A schema; AUTHORIZATION gives the name where there is no other."""
        at.accept("authorization")
        name = at.name()
        if name and name[-1] != DEFAULT_SCHEMA:
            yield Created("schemas", label(name[-1]))

    def rule(self, at: Cursor) -> Iterator[Created]:
        """A rule, ``CREATE RULE name AS ON event TO table``."""
        name = at.name()
        if name and name[-1] != "_RETURN" and at.skip_to("to"):
            at.take()
            yield Created("rules", self.within(at.name(), name[-1]))

    def within(self, table: tuple[str, ...], name: str) -> str:
        """The label of what belongs to a table."""
        schema, relation = table[-2:] if len(table) > 1 else (self.session.schema, *table)
        return label(schema, relation, name)


def _qualified(kind: str) -> _Reader:
    """A reader for what has a schema and a name."""

    def read(reader: ObjectReader, at: Cursor) -> Iterator[Created]:
        if name := at.name():
            yield Created(kind, reader.session.label(*name))

    return read


def _alone(kind: str) -> _Reader:
    """A reader for what has a name and no schema."""

    def read(_reader: ObjectReader, at: Cursor) -> Iterator[Created]:
        if name := at.name():
            yield Created(kind, label(name[-1]))

    return read


def _of_table(kind: str) -> _Reader:
    """A reader for ``name … ON table``."""

    def read(reader: ObjectReader, at: Cursor) -> Iterator[Created]:
        name = at.name()
        if name and at.skip_to("on"):
            at.take()
            yield Created(kind, reader.within(at.name(), name[-1]))

    return read


def _steps_into(at: Cursor) -> bool:
    """Steps into the next parentheses; False when there are none."""
    while not at.ended:
        if at.accept_sign(b"("):
            return True
        at.take()
    return False


def _nothing(_reader: ObjectReader, _at: Cursor) -> Iterator[Created]:
    return iter(())


_STATEMENTS: dict[bytes, _Reader] = {
    b"create": ObjectReader.create,
    b"alter": ObjectReader.alter,
    b"select": ObjectReader.select,
    b"set": _nothing,
    b"reset": _nothing,
}
_CREATED: dict[tuple[str, ...], _Reader] = {
    ("table",): ObjectReader.table,
    ("foreign", "table"): _qualified("foreign_tables"),
    ("view",): ObjectReader.view,
    ("materialized", "view"): _qualified("materialized_views"),
    ("sequence",): _qualified("sequences"),
    ("function|procedure|aggregate",): _qualified("routines"),
    ("event", "trigger"): _alone("event_triggers"),
    ("trigger",): _of_table("triggers"),
    ("policy",): _of_table("policies"),
    ("rule",): ObjectReader.rule,
    ("index",): ObjectReader.index,
    ("extension",): _alone("extensions"),
    ("type",): ObjectReader.type,
    ("domain",): _qualified("types"),
    ("schema",): ObjectReader.schema,
}
