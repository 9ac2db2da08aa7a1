"""Passes on the picked tables of a mysqldump or mariadb-dump dump, with what belongs to them.

That is a table's definition, indexes, triggers and rows, and the MariaDB sequences that its defaults
name. A foreign key to a table that is not picked is cut out of its CREATE TABLE; a view that needs such
a table is left out; both are reported by name. With tables named, routines and events are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from python_backup.dump.changes import Changes
from python_backup.dump.mysql.created import Definition, definition, names
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import Token, chain, tokens
from python_backup.dump.pick import Choice, Held, Pick, RowsLeft
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.errors import UsageError
from python_backup.model import label

_RELATIONS = frozenset(("TABLE", "VIEW", "SEQUENCE"))
_OF_TABLE = frozenset(("TRIGGER", "INDEX"))
_DATABASES = frozenset(("DATABASE", "SCHEMA"))
_SWITCHES = (["DISABLE", "KEYS"], ["ENABLE", "KEYS"])
_STAND_INS = (b"/*!50001 CREATE TABLE ", b"/*!50001 CREATE VIEW ")


@dataclass(slots=True)
class MysqlPicker:
    """See `python_backup.dump.dialect.Picker`."""

    asked: Pick
    changes: Changes
    _choice: Choice = field(init=False)
    _modes: SqlModes = field(default_factory=SqlModes)
    _held: dict[str, list[Statement]] = field(default_factory=dict)
    _relations: dict[str, bool] = field(default_factory=dict)
    _triggers: dict[str, bool] = field(default_factory=dict)
    _sequences: set[str] = field(default_factory=set)
    _skipping: bool = False
    _left: RowsLeft = field(init=False)

    def __post_init__(self) -> None:
        if self.asked.schemas:
            raise UsageError(
                "--schema is for PostgreSQL: a MySQL database has no schemas in it",
                hint="Choose the database with --source NAME, and tables with --table NAME.",
            )
        self._choice, self._left = Choice(self.asked), RowsLeft(self.changes)

    def pick(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The picked pieces, in order."""
        for piece in pieces:
            match piece:
                case Rows() | DataEnd():
                    if not self._skipping:
                        yield piece
                case DataBegin():
                    self._skipping = not self._data(piece)
                    if not self._skipping:
                        yield piece
                case Statement():
                    yield from self._statement(piece)
                case _:
                    yield piece

    def passes_over(self, held: Held) -> bool:
        """See `python_backup.dump.dialect.Picker`; what was not heard of yet may be picked."""
        if not self.asked.schema_only:
            wanted = any(self._relations.get(table, True) for table in held.tables)
            if wanted or not self._sequences.isdisjoint(held.sequences):
                return False
        for table in held.tables:
            self._left.add(table)
        return True

    def finish(self) -> None:
        """Call it at the end of the dump; see `python_backup.dump.pick.Choice.check`."""
        self._choice.check()

    def _data(self, piece: DataBegin) -> bool:
        if piece.table not in self._relations:
            found = tokens(piece.sql, self._modes)
            into = next((i + 1 for i, t in enumerate(found) if t.word == "INTO"), 1)
            name = chain(found, into)
            self._takes(name.name if name else piece.table)
        taken = self._relations.get(piece.table, False) and not self.asked.schema_only
        if not taken:
            self._left.add(piece.table, piece)
        return taken

    def _takes(self, name: str) -> bool:
        shown = label(name)
        if shown not in self._relations:
            self._relations[shown] = self._choice.takes(name)
        return self._relations[shown]

    def _statement(self, piece: Statement) -> Iterator[Statement]:
        self._modes.follow(piece.sql)
        found = tokens(piece.sql, self._modes)
        verb = found[0].word if found else ""
        if verb in ("LOCK", "UNLOCK"):
            yield from self._locks(piece, found)
        elif verb in ("SELECT", "DO") and [t.word for t in found[1:2]] == ["SETVAL"]:
            name = next(names(found, 3), None)
            if not self.asked.schema_only and name and label(name.name) in self._sequences:
                yield piece
            elif name and label(name.name) in self._held and not self.asked.schema_only:
                self._held[label(name.name)].append(piece)
        elif verb in ("CREATE", "ALTER", "DROP"):
            what = definition(found)
            if what is None or what.kind in _DATABASES:
                yield piece
            else:
                yield from self._defined(piece, found, what)
        elif verb in ("GRANT", "REVOKE"):
            yield from self._if_whole(piece, verb)
        else:
            yield piece

    def _locks(self, piece: Statement, found: Sequence[Token]) -> Iterator[Statement]:
        if self.asked.schema_only:
            return
        name = next(names(found, 2), None) if found[0].word == "LOCK" else None
        if name is None or self._takes(name.name):
            yield piece

    def _if_whole(self, piece: Statement, words: str) -> Iterator[Statement]:
        if self.asked.everything and not self.asked.data_only:
            yield piece
        else:
            self.changes.add(f"{words} not picked", piece.line, piece.sql)

    def _defined(self, piece: Statement, found: Sequence[Token], what: Definition) -> Iterator[Statement]:
        words = f"{what.verb} {what.kind}"
        if what.name is not None and what.kind == "SEQUENCE":
            yield from self._sequence(piece, what.name.name)
        elif what.name is not None and what.kind in _RELATIONS:
            switch = [t.word for t in found[-2:]] in _SWITCHES
            wanted = not self.asked.schema_only if switch else not self.asked.data_only
            if not self._takes(what.name.name) or not wanted:
                self.changes.add(f"{words} not picked", piece.line, piece.sql)
            elif what.verb == "CREATE" and what.kind == "VIEW":
                yield from self._view(piece, found, what)
            elif what.verb == "DROP" or switch:
                yield piece
            else:
                yield from self._table(piece, found, what)
        elif what.name is not None and what.kind in _OF_TABLE:
            if self._of_table(found, what) and not self.asked.data_only:
                yield piece
            else:
                self.changes.add(f"{words} not picked", piece.line, piece.sql)
        else:
            yield from self._if_whole(piece, words)

    def _of_table(self, found: Sequence[Token], what: Definition) -> bool:
        """Whether a trigger's or an index's table is picked; DROP TRIGGER names none."""
        name = what.name.name if what.name else ""
        if what.verb == "DROP" and what.kind == "TRIGGER":
            return self.asked.everything or self._triggers.get(name, False)
        after = what.name.after if what.name else what.at
        on = next((i for i, t in enumerate(found) if i >= after and t.word == "ON"), None)
        table = chain(found, on + 1) if on is not None else None
        taken = table is not None and self._takes(table.name)
        self._triggers[name] = taken
        return taken

    def _sequence(self, piece: Statement, name: str) -> Iterator[Statement]:
        shown = label(name)
        if self._takes(name):
            self._sequences.add(shown)
        if shown not in self._sequences:
            self._held.setdefault(shown, []).append(piece)
        elif not self.asked.data_only:
            yield piece

    def _view(self, piece: Statement, found: Sequence[Token], what: Definition) -> Iterator[Statement]:
        if piece.sql.startswith(_STAND_INS):
            yield piece
            return
        missing = self._mentioned(found, what)
        if missing is None:
            yield piece
            return
        name = label(what.name.name) if what.name else ""
        self._relations[name] = False
        self.changes.add("view that needs a table not picked left out", piece.line, piece.sql)
        self.changes.warnings.append(f"view {name} was left out: it needs {missing}, which was not picked")

    def _mentioned(self, found: Sequence[Token], what: Definition) -> str | None:
        """The first relation not picked that a view's body takes rows from."""
        after = what.name.after if what.name else what.at
        for at in range(after, len(found) - 1):
            if found[at].word not in ("FROM", "JOIN"):
                continue
            first = next((i for i in range(at + 1, len(found)) if found[i].word != "("), at)
            name = chain(found, first)
            if name is not None and self._relations.get(label(name.name)) is False:
                return label(name.name)
        return None

    def _table(self, piece: Statement, found: Sequence[Token], what: Definition) -> Iterator[Statement]:
        """A table's definition, without foreign keys to what is not picked."""
        for token in found:
            named = label(token.name) if token.name else ""
            if self._held and named in self._held:
                self._sequences.add(named)
                yield from self._held.pop(named)
        cuts = list(self._foreign(found, what, piece.line))
        if not cuts:
            yield piece
            return
        sql = piece.sql
        for start, end in reversed(cuts):
            sql = sql[:start] + sql[end:]
        if what.verb == "ALTER" and _says_nothing(tokens(sql, self._modes)):
            return
        yield replace(piece, sql=sql, text=piece.text.replace(piece.sql, sql, 1))

    def _foreign(self, found: Sequence[Token], what: Definition, line: int) -> Iterator[tuple[int, int]]:
        """From where to where foreign keys to tables not picked stand, each with a comma beside it."""
        if what.name is None:
            return
        begin = what.name.after
        inside = begin < len(found) and found[begin].word == "("
        items = _items(found, begin + 1 if inside else begin, closed=inside)
        dropped = {i for i, (first, last) in enumerate(items) if self._reaches_out(found[first:last])}
        for i in sorted(dropped):
            first, last = items[i]
            text = b" ".join(t.text for t in found[first:last])
            symbol = next(
                (found[n + 1].name for n in range(first, last - 1) if found[n].word == "CONSTRAINT"), None
            )
            name = label(what.name.name, symbol) if symbol else f"without a name of {label(what.name.name)}"
            self.changes.add("foreign key to a table not picked left out", line, text)
            self.changes.warnings.append(f"foreign key {name} was left out: its table was not picked")
            before = all(n in dropped for n in range(i))
            if before:  # nothing stays before it: the comma after it goes
                end = (
                    found[last].end if last < len(found) and found[last].word == "," else found[last - 1].end
                )
                yield found[first].start, end
            else:
                yield found[first - 1].start, found[last - 1].end

    def _reaches_out(self, item: Sequence[Token]) -> bool:
        words = [t.word for t in item]
        if "FOREIGN" not in words[:4] or "REFERENCES" not in words:
            return False
        name = chain(item, words.index("REFERENCES") + 1)
        return name is not None and not self._choice_of(name.name)

    def _choice_of(self, name: str) -> bool:
        """Whether a table that is only named here is picked; a pattern is not used up by it."""
        known = self._relations.get(label(name))
        return Choice(self.asked).takes(name) if known is None else known


def _items(found: Sequence[Token], at: int, *, closed: bool) -> list[tuple[int, int]]:
    """The first and last index of each part between commas, up to the bracket that closes them."""
    items: list[tuple[int, int]] = []
    depth, first = 0, at
    for i in range(at, len(found)):
        word = found[i].word
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0 and closed:
            return [*items, (first, i)]
        if word == "," and depth == 0:
            items.append((first, i))
            first = i + 1
    return [*items, (first, len(found))]


def _says_nothing(found: Sequence[Token]) -> bool:
    """Whether an ALTER TABLE has lost all of its parts."""
    what = definition(found)
    return what is not None and what.name is not None and what.name.after >= len(found)
