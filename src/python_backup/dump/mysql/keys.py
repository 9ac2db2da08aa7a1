"""The indexes and constraints of tables, as CREATE TABLE, ALTER TABLE and CREATE INDEX name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from python_backup.dump.created import Created
from python_backup.dump.mysql.created import Definition, names
from python_backup.dump.mysql.tokens import Kind, Token, chain
from python_backup.model import label

_KEY_WORDS = frozenset(("PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "VECTOR", "FOREIGN"))
_NO_COLUMNS = frozenset(("PERIOD", "LIKE", "CHECK"))
Items = list[list[Token]]


@dataclass(slots=True)
class _Index:
    name: str
    columns: tuple[str, ...]
    implied: bool = False


@dataclass(slots=True)
class _Table:
    indexes: list[_Index] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class _Foreign:
    symbol: str | None
    index: str | None
    columns: tuple[str, ...]


class Keys:
    """Follows every table's keys through one dump."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    def created(self, found: Sequence[Token], what: Definition) -> Iterator[Created]:
        """The keys in a CREATE TABLE."""
        name = what.name.name if what.name else ""
        self._tables[name] = _Table()
        begin = what.name.after if what.name else 0
        if begin < len(found) and found[begin].word == "(":
            yield from self._add(name, _items(found, begin + 1, depth=1))

    def altered(self, found: Sequence[Token], what: Definition) -> Iterator[Created]:
        """The keys that an ALTER TABLE adds or drops."""
        if what.name is None:
            return
        added: Items = []
        for item in _items(found, what.name.after, depth=0):
            words = [t.word for t in item]
            if words[:1] == ["ADD"]:
                added.append(item[2:] if words[1:2] == ["COLUMN"] else item[1:])
            elif words[:1] == ["DROP"] and len(item) > 2:  # noqa: PLR2004 - DROP KEY name
                yield from self._drop(what.name.name, words, item[-1].name or "")
        yield from self._add(what.name.name, added)

    def index(self, found: Sequence[Token], what: Definition) -> Iterator[Created]:
        """The index of a CREATE INDEX or DROP INDEX."""
        on = next((i for i, t in enumerate(found) if t.word == "ON" and i > what.at), None)
        table = chain(found, on + 1) if on is not None else None
        if table is None or what.name is None:
            return
        if what.verb == "DROP":
            yield from self._drop(table.name, ["DROP", "INDEX"], what.name.name)
        else:
            yield from self._index(table.name, what.name.name, _columns(found[table.after :]))

    def dropped(self, table: str) -> Iterator[Created]:
        """The keys that go with their table."""
        gone = self._tables.pop(table, None)
        if gone is not None:
            for index in gone.indexes:
                yield Created("indexes", label(table, index.name), gone=True)
            for name in gone.constraints:
                yield Created("constraints", label(table, name), gone=True)

    def primary(self, table: str) -> tuple[str, ...]:
        """The columns of the primary key of a table, by its `label`; none where there is none."""
        known = next((t for name, t in self._tables.items() if label(name) == table), _Table())
        return next((index.columns for index in known.indexes if index.name == "PRIMARY"), ())

    def _add(self, table: str, items: Items) -> Iterator[Created]:
        foreign: list[_Foreign] = []
        for item in items:
            symbol, rest = _symbol(item)
            word = rest[0].word if rest else ""
            if word == "FOREIGN":
                at = 2
                index = chain(rest, at) if at < len(rest) and rest[at].word != "(" else None
                foreign.append(_Foreign(symbol, index.name if index else None, _columns(rest)))
            elif word == "CHECK" and symbol is not None:
                yield self._constraint(table, symbol)
            elif word in _KEY_WORDS:
                yield from self._key(table, symbol, rest)
            elif rest and word not in _NO_COLUMNS:
                yield from self._column(table, rest)
        for key in foreign:
            yield from self._foreign(table, key)

    def _key(self, table: str, symbol: str | None, item: Sequence[Token]) -> Iterator[Created]:
        columns = _columns(item)
        if item[0].word == "PRIMARY":
            yield from self._index(table, "PRIMARY", columns)
            return
        at = 1
        if at < len(item) and item[at].word in ("KEY", "INDEX"):
            at += 1
        for name in names(item, at):
            if item[name.first].word not in ("USING", "("):
                yield from self._index(table, name.name, columns)
                return
        yield from self._index(table, symbol or self._free(table, columns), columns)

    def _column(self, table: str, item: Sequence[Token]) -> Iterator[Created]:
        name, words = item[0].name or "", [t.word for t in _flat(item)]
        if "UNIQUE" in words:
            yield from self._index(table, self._free(table, (name,)), (name,))
        unique = {i + 1 for i, w in enumerate(words) if w == "UNIQUE"}
        comment = {i + 1 for i, w in enumerate(words) if w == "COMMENT"}
        for at, word in enumerate(words[:-2]):
            if (word, words[at + 2]) == ("CONSTRAINT", "CHECK"):
                yield self._constraint(table, [*_flat(item)][at + 1].name or "")
        if any(w == "KEY" and i not in unique | comment for i, w in enumerate(words)):
            yield from self._index(table, "PRIMARY", (name,))

    def _foreign(self, table: str, key: _Foreign) -> Iterator[Created]:
        known = self._tables.setdefault(table, _Table())
        known.unnamed += key.symbol is None
        yield self._constraint(table, key.symbol or f"{table}_ibfk_{known.unnamed}")
        width = len(key.columns)
        if not any(_lower(i.columns[:width]) == _lower(key.columns) for i in known.indexes):
            name = key.symbol or key.index or self._free(table, key.columns)
            known.indexes.append(_Index(name, key.columns, implied=True))
            yield Created("indexes", label(table, name))

    def _constraint(self, table: str, name: str) -> Created:
        self._tables.setdefault(table, _Table()).constraints.append(name)
        return Created("constraints", label(table, name))

    def _index(self, table: str, name: str, columns: tuple[str, ...]) -> Iterator[Created]:
        known = self._tables.setdefault(table, _Table())
        for other in [i for i in known.indexes if i.implied]:
            if _lower(columns[: len(other.columns)]) == _lower(other.columns):
                known.indexes.remove(other)
                yield Created("indexes", label(table, other.name), gone=True)
        known.indexes.append(_Index(name, columns))
        yield Created("indexes", label(table, name))

    def _free(self, table: str, columns: tuple[str, ...]) -> str:
        """The server's name for an index that has none: its first column's."""
        first = columns[0] if columns else ""
        taken = {i.name.lower() for i in self._tables.setdefault(table, _Table()).indexes}
        further = (f"{first}_{n}" for n in range(2, len(taken) + 3))
        return next(n for n in (first, *further) if n.lower() not in taken | {"primary"})

    def _drop(self, table: str, words: list[str], name: str) -> Iterator[Created]:
        known = self._tables.setdefault(table, _Table())
        name = "PRIMARY" if "PRIMARY" in words else name
        if words[1] in ("FOREIGN", "CONSTRAINT", "CHECK") and name in known.constraints:
            known.constraints.remove(name)
            yield Created("constraints", label(table, name), gone=True)
        elif words[1] in ("KEY", "INDEX", "PRIMARY"):
            known.indexes = [i for i in known.indexes if i.name.lower() != name.lower()]
            yield Created("indexes", label(table, name), gone=True)


def _items(found: Sequence[Token], at: int, depth: int) -> Items:
    """The parts between commas at this depth of brackets, up to the bracket that closes it."""
    items: Items = [[]]
    outer = depth
    for token in found[at:]:
        if token.kind is Kind.SYMBOL:
            depth += {b"(": 1, b")": -1}.get(token.text, 0)
            if depth < outer or (depth == 0 and outer > 0):
                break
            if token.text == b"," and depth == outer:
                items.append([])
                continue
        items[-1].append(token)
    return items


def _symbol(item: list[Token]) -> tuple[str | None, list[Token]]:
    """Takes ``CONSTRAINT name`` off."""
    if not item or item[0].word != "CONSTRAINT":
        return None, item
    if len(item) > 1 and item[1].word not in {*_KEY_WORDS, "CHECK"}:
        return item[1].name, item[2:]
    return None, item[1:]


def _columns(item: Sequence[Token]) -> tuple[str, ...]:
    """The names of the first bracket; an expression has its place, but no name."""
    begin = next((i for i, t in enumerate(item) if t.word == "("), None)
    if begin is None:
        return ()
    return tuple((part[0].name if part else None) or "" for part in _items(item, begin + 1, depth=1))


def _flat(item: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for token in item[1:]:
        depth += {"(": 1, ")": -1}.get(token.word, 0)
        if depth == 0:
            yield token


def _lower(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(c.lower() for c in columns)
