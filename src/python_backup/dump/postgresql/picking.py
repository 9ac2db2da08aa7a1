"""Passes on the picked tables of a pg_dump dump, with what belongs to them, much as ``pg_dump -t`` does.

That is a table's columns, defaults, owned and named sequences, indexes, constraints, triggers, policies,
grants, comments and rows, and its partitions. Beyond pg_dump, the schemas it stands in and the types
that its columns name come along, and all extensions do, so that it can be restored into an empty
database. What a picked table would need and cannot have is left out and reported by name: foreign keys
and views to tables not picked, triggers of functions not picked.

What may still be needed is held, a few statements for each object, and goes out before what names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.changes import Changes
from python_backup.dump.pick import Choice, Held, Pick, RowsLeft
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.postgresql.belonging import About, about
from python_backup.dump.postgresql.clauses import (
    added_constraint,
    attached,
    identity_sequence,
    inherited,
    multirange,
    name_after,
    owning_table,
)
from python_backup.dump.postgresql.mentions import Name, relations, types_and_sequences
from python_backup.dump.postgresql.partitions import Partitions
from python_backup.dump.postgresql.session import Session
from python_backup.errors import UsageError
from python_backup.model import label

_ON_DEMAND = frozenset({"type", "schema", "sequence"})


@dataclass(slots=True)
class DumpPicker:
    """See `python_backup.dump.dialect.Picker`."""

    asked: Pick
    changes: Changes
    _choice: Choice = field(init=False)
    _session: Session = field(default_factory=Session)
    _taken: set[tuple[str, Name]] = field(default_factory=set)
    _left: set[tuple[str, Name]] = field(default_factory=set)
    _held: dict[tuple[str, Name], list[Statement]] = field(default_factory=dict)
    _kinds: dict[Name, str] = field(default_factory=dict)
    _aliases: dict[Name, Name] = field(default_factory=dict)
    _parts: dict[tuple[str, Name], Name] = field(default_factory=dict)
    _partitions: Partitions = field(default_factory=Partitions)
    _undecided: Name | None = None
    _dropped: set[tuple[str, str]] = field(default_factory=set)
    _skipping: bool = False
    _labels: dict[str, Name] = field(default_factory=dict)
    _rows_left: RowsLeft = field(init=False)

    def __post_init__(self) -> None:
        self._choice, self._rows_left = Choice(self.asked), RowsLeft(self.changes)

    def pick(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The picked pieces, in order."""
        for piece in pieces:
            match piece:
                case Rows() | DataEnd():
                    if not self._skipping:
                        yield piece
                case DataBegin():
                    yield from self._decided(None)
                    self._skipping = not self._data(piece)
                    if not self._skipping:
                        yield piece
                case Statement():
                    yield from self._statement(piece)
                case _:
                    yield piece

    def passes_over(self, held: Held) -> bool:
        """See `python_backup.dump.dialect.Picker`; what was not heard of yet may be picked."""
        if not self.asked.schema_only and self._wants(held):
            return False
        for table in held.tables:
            self._partitions.has_rows(table)
            self._rows_left.add(table)
        return True

    def _wants(self, held: Held) -> bool:
        names = (self._labels.get(table) for table in held.tables)
        rows = any(name is None or ("table", name) in self._taken for name in names)
        unnamed = self.asked.everything and (held.others or (held.sequences and self.asked.data_only))
        undecided = () if self._undecided is None else (("sequence", self._undecided),)
        taken = (label(*name) for kind, name in (*self._taken, *undecided) if kind == "sequence")
        valued = bool(held.sequences) and not set(held.sequences).isdisjoint(taken)
        return bool(rows or unnamed or valued)

    def finish(self) -> None:
        """Call it at the end of the dump; see `python_backup.dump.pick.Choice.check`, `Partitions.check`."""
        for (kind, _), statements in self._held.items():
            for piece in statements:
                self.changes.add(f"{kind} not picked", piece.line, piece.sql)
        self._choice.check()
        if not self.asked.schema_only:
            self._partitions.check(lambda name: ("table", name) in self._taken)

    def _data(self, piece: DataBegin) -> bool:
        at = self._session.cursor(piece.sql)
        at.take()
        at.accept("into")
        at.accept("binary")
        name = self._named(at.name())
        self._partitions.has_rows(label(*name))
        taken = self._takes_table(name) and not self.asked.schema_only
        if not taken:
            self._rows_left.add(piece.table, piece)
        return taken

    def _named(self, parts: tuple[str, ...]) -> Name:
        """Schema and name; a name alone is in the session's schema."""
        return (parts[-2], parts[-1]) if len(parts) > 1 else (self._session.schema, "".join(parts))

    def _takes_table(self, name: Name) -> bool:
        if ("table", name) in self._taken:
            return True
        if ("table", name) in self._left:
            return False
        taken = self._choice.takes(name[1], name[0])
        (self._taken if taken else self._left).add(("table", name))
        self._labels[label(*name)] = name
        return taken

    def _statement(self, piece: Statement) -> Iterator[Statement]:
        self._session.take(piece.sql)
        what = about(self._session.cursor(piece.sql))
        if what.kind == "session":
            yield piece
            return
        name = self._named(what.name)
        yield from self._decided(None if what.kind == "setval" else name)
        if what.kind == "relation":
            yield from self._relation(piece, what, name)
        elif what.kind == "setval":
            yield from self._setval(piece, what, name)
        elif what.kind == "part":
            yield from self._part(piece, what, name)
        elif what.kind in {"index", "statistics"}:
            yield from self._known_part(piece, what, name)
        elif what.kind in {"data", "large object"}:
            if self.asked.everything and not self.asked.schema_only:
                yield piece
            else:
                self._leave(piece, what)
        elif what.kind == "refresh":
            if self._takes_table(name) and not (self.asked.schema_only or self.asked.data_only):
                yield piece
            else:
                self._leave(piece, what)
        else:
            yield from self._other(piece, what, name)

    def _leave(self, piece: Statement, what: About) -> None:
        self.changes.add(f"{what.what} not picked", piece.line, piece.sql)

    def _relation(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        if what.creates:
            self._kinds[name] = what.creates
        if self._kinds.get(name) == "sequence" or what.what.endswith("SEQUENCE"):
            yield from self._sequence(piece, what, name)
            return
        if what.what == "ALTER TABLE" and (key := added_constraint(self._session.cursor(piece.sql))):
            self._parts["index", (name[0], key)] = name
        self._partitions.take(what, name, self._session.cursor(piece.sql), self._named)
        if self._takes_table(name):
            yield from self._of_table(piece, what, name)
            return
        parent = self._partitions.parent(name) if what.creates == "table" else None
        joins = parent is not None and ("table", parent) in self._taken
        if joins and not self._choice.excludes(name[1], name[0]):
            self._taken.add(("table", name))
            self._left.discard(("table", name))
            yield from self._of_table(piece, what, name)
        else:
            self._held.setdefault(("table", name), []).append(piece)

    def _of_table(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        """A statement about a picked table or view, unless it needs what is not there."""
        at = self._session.cursor(piece.sql)
        child = self._named(attached(at)) if what.what == "ALTER TABLE" else ("", "")
        if not self._choice.excludes(child[1], child[0]):
            yield from self._demand("table", child)
        if what.creates == "table":
            self._has_parents(piece, name)
        elif what.what == "ALTER TABLE" and self._about_dropped(piece, name):
            self._leave(piece, what)
            return
        identity = identity_sequence(self._session.cursor(piece.sql)) if b"(" in piece.sql else ()
        if identity:
            self._taken.add(("sequence", self._named(identity)))
        if what.creates != "table" and self._needs_other(piece, what, name):
            return
        yield from self._out(piece, what, name)

    def _has_parents(self, piece: Statement, name: Name) -> None:
        """Columns that a table inherits are written with its parent alone.

        Raises:
            UsageError: a parent is not picked.
        """
        for parent in map(self._named, inherited(self._session.cursor(piece.sql))):
            if ("table", parent) in self._left and not self.asked.data_only:
                shown, other = self._session.label(*name), self._session.label(*parent)
                raise UsageError(
                    f"table {shown} inherits from {other}, which is not picked",
                    hint="Pick both, or exclude both.",
                )

    def _about_dropped(self, piece: Statement, name: Name) -> bool:
        """Whether this is ``ENABLE|DISABLE TRIGGER`` of a trigger that was left out, or the like."""
        at = self._session.cursor(piece.sql)
        if not at.skip_to("trigger", "rule", "cluster", "replica"):
            return False
        at.take()
        at.accept("identity", "using", "index") or at.accept("on")
        return (self._session.label(*name), "".join(at.name()[-1:])) in self._dropped

    def _needs_other(self, piece: Statement, what: About, name: Name) -> bool:
        """Leaves out, and reports, a view, foreign key, trigger or index that needs what is not picked."""
        missing = self._missing(piece.sql, name)
        if missing is None:
            return False
        shown, other = self._session.label(*name), self._session.label(*missing)
        constraint = added_constraint(self._session.cursor(piece.sql))
        if what.creates == "routine":
            thing = f"function {shown}"
            self._left.add(("routine", name))
        elif what.creates == "view":
            thing = f"view {shown}"
            self._taken.discard(("table", name))
            self._left.add(("table", name))
        elif constraint:
            thing = f"constraint {constraint} of {shown}"
            self._dropped.add((shown, constraint))
        else:
            thing = f"{what.what} {what.part} of {shown}".replace("  ", " ")
            self._dropped.add((shown, what.part))
        kind = "foreign key to a table" if constraint else what.what
        self.changes.add(f"{kind} not picked left out", piece.line, piece.sql)
        self.changes.warnings.append(f"{thing} was left out: it needs {other}, which was not picked")
        return True

    def _missing(self, sql: bytes, own: Name) -> Name | None:
        """The first table or routine not picked that is named here."""
        for pair, called in relations(self._session.cursor(sql), self._named):
            left = ("table", pair) in self._left or (called and ("routine", pair) in self._left)
            if pair != own and left:
                return pair
        return None

    def _part(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        if what.creates in {"index", "statistics"} and what.part:
            self._parts[what.creates, (name[0], what.part)] = name
        shown = self._session.label(*name)
        if not self._takes_table(name) or (shown, what.part) in self._dropped:
            self._leave(piece, what)
        elif not self._needs_other(piece, what, name):
            yield from self._out(piece, what, name)

    def _known_part(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        """An index or statistics by its own name; one that is attached must have its table, too."""
        child = attached(self._session.cursor(piece.sql))
        names = [name, self._named(child)] if child else [name]
        owners = [self._parts.get((what.kind, n)) for n in names]
        if all(owner is not None and ("table", owner) in self._taken for owner in owners):
            yield from self._out(piece, what, name)
        else:
            self._leave(piece, what)

    def _sequence(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        """A sequence goes with the table that owns it, and with one whose default names it."""
        thing = ("sequence", name)
        owner = owning_table(self._session.cursor(piece.sql)) if what.what == "ALTER SEQUENCE" else ()
        if owner:
            if self._takes_table(self._named(owner)):
                yield from self._demand(*thing)
            else:
                self._undecided = None
                self._leave(piece, what)
                return
        if thing in self._taken:
            yield from self._out(piece, what, name)
        else:
            if what.creates and self._choice.takes(name[1], name[0], listed=False):
                self._undecided = name
            self._held.setdefault(thing, []).append(piece)

    def _decided(self, name: Name | None) -> Iterator[Statement]:
        """Lets a picked sequence go as soon as the dump speaks of something else: nobody owns it."""
        undecided = self._undecided
        if undecided is not None and undecided != name:
            self._undecided = None
            yield from self._demand("sequence", undecided)

    def _setval(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        taken = ("sequence", name) in self._taken
        if self.asked.data_only and not taken:
            taken = self.asked.everything and ("sequence", name) not in self._held
        if taken and not self.asked.schema_only:
            yield piece
        else:
            self._leave(piece, what)

    def _other(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        if what.kind == "schema":
            name = (what.name[-1] if what.name else "", "")
        thing = (what.kind, name)
        if what.kind == "extension" or self._takes_other(what, name) or thing in self._taken:
            if what.kind in _ON_DEMAND:
                self._taken.add(thing)
            if what.kind == "routine":
                if thing in self._left:
                    self._leave(piece, what)
                    return
                if what.creates and self._needs_other(piece, what, name):
                    return
            yield from self._out(piece, what, name)
        elif what.kind in _ON_DEMAND:
            if further := multirange(self._session.cursor(piece.sql)):
                self._aliases[self._named(further)] = name
            self._held.setdefault(thing, []).append(piece)
        else:
            if what.kind == "routine":
                self._left.add(thing)
            self._leave(piece, what)

    def _takes_other(self, what: About, name: Name) -> bool:
        if self.asked.everything:
            return True
        if self.asked.tables:
            return False
        return (len(what.name) > 1 or what.kind == "schema") and self._choice.takes_schema(name[0])

    def _out(self, piece: Statement, what: About, name: Name) -> Iterator[Statement]:
        """The statement, and before it what it names of that which is held."""
        yield from self._named_in(piece.sql, ("schema", (name[0], "")))
        if what.kind == "extension":
            for schema in name_after(self._session.cursor(piece.sql), after="schema"):
                yield from self._demand("schema", (schema, ""))
        if self.asked.data_only:
            self._leave(piece, what)
        else:
            yield piece

    def _named_in(self, sql: bytes, *wanted: tuple[str, Name]) -> Iterator[Statement]:
        for thing in wanted:
            yield from self._demand(*thing)
        if not any(kind != "schema" for kind, _ in self._held):
            return
        for kind, name in types_and_sequences(self._session.cursor(sql), sql, self._named):
            yield from self._demand(kind, name)

    def _demand(self, kind: str, name: Name) -> Iterator[Statement]:
        """What is held of this object, and of what it names in turn; from now on it is picked."""
        name = self._aliases.get(name, name) if kind == "type" else name
        thing = (kind, name)
        held = self._held.pop(thing, None)
        if held is None:
            return
        self._taken.add(thing)
        self._left.discard(thing)
        if thing == ("sequence", self._undecided):
            self._undecided = None
        for piece in held:
            yield from self._named_in(piece.sql, ("schema", (name[0], "")))
            if not self.asked.data_only:
                yield piece
