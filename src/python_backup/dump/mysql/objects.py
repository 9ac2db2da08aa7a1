"""Tells what a dump's statements create, in the labels that the server's own lists give.

What counts, each with its label:

- ``tables``: every CREATE TABLE that is not TEMPORARY; not the stand-in that mysqldump writes for a
  view (``/*!50001 CREATE TABLE``, ``/*!50001 CREATE VIEW``). information_schema.tables, BASE TABLE and
  SYSTEM VERSIONED.
- ``views``: every other CREATE VIEW.
- ``routines``: procedures and functions by name; a MariaDB package and its body once each, as in
  information_schema.routines.
- ``triggers``, ``events``: by name. ``sequences`` (MariaDB): by name; ``sequence_value`` is what SETVAL is
  given, the sequence's next_not_cached_value.
- ``next_number``: what a table's AUTO_INCREMENT goes on with (`numbering`).
- ``indexes``: ``table.index`` for each name in information_schema.statistics: ``PRIMARY``, unique,
  plain, full text, spatial and vector ones; one that is not named has its first column's name (``_2``,
  ``_3`` … where that is taken); one that the server makes for a foreign key has its constraint's name,
  until another index can take its place.
- ``constraints``: ``table.constraint`` for foreign keys (one without a name is ``TABLE_ibfk_N``) and for
  CHECKs that stand by themselves and have a name. A CHECK within a column is none
  (MariaDB's information_schema.check_constraints has it with LEVEL ``Column``).

DROP TABLE and DROP VIEW take away what the dump made before: phpMyAdmin's stand-ins for views. So does the
DROP of a routine of the same kind: mariadb-dump 10.5 writes a routine twice where a database whose name
differs in case or accents alone has one of its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from python_backup.dump.created import Created
from python_backup.dump.mysql.created import Definition, definition, names
from python_backup.dump.mysql.keys import Keys
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.numbering import next_number
from python_backup.dump.mysql.tokens import Token, tokens
from python_backup.dump.piece import Statement
from python_backup.model import label

_KINDS = {
    "TABLE": "tables",
    "VIEW": "views",
    "PROCEDURE": "routines",
    "FUNCTION": "routines",
    "PACKAGE": "routines",
    "TRIGGER": "triggers",
    "EVENT": "events",
    "SEQUENCE": "sequences",
}
_STAND_INS = (b"/*!50001 CREATE TABLE ", b"/*!50001 CREATE VIEW ")


class MysqlObjects:
    """See `python_backup.dump.facts.ObjectReader`; follows the SQL modes and the tables' keys."""

    def __init__(self) -> None:
        self._modes = SqlModes()
        self._keys = Keys()
        self._routines: set[tuple[str, str]] = set()

    def __call__(self, statement: Statement) -> Iterable[Created]:
        """The objects that this statement makes, or takes away."""
        sql = statement.sql
        self._modes.follow(sql)
        if sql.startswith(_STAND_INS):
            return ()
        found = tokens(sql, self._modes)
        verb = found[0].word if found else ""
        if verb in ("CREATE", "ALTER", "DROP"):
            what = definition(found)
            return tuple(self._defined(found, what)) if what else ()
        if verb in ("SELECT", "DO"):
            return tuple(_sequence_value(found))
        return ()

    def _defined(self, found: list[Token], what: Definition) -> Iterator[Created]:
        if what.name is None or what.temporary:
            return
        kind = _KINDS.get(what.kind)
        if what.kind == "INDEX":
            yield from self._keys.index(found, what)
        elif what.verb == "ALTER" and kind == "tables":
            yield from _numbered(found, what)
            yield from self._keys.altered(found, what)
        elif what.verb == "DROP" and kind in ("tables", "views"):
            for name in names(found, what.at + 1):
                yield Created(kind, label(name.name), gone=True)
                if kind == "tables":
                    yield from self._keys.dropped(name.name)
        elif kind == "routines":
            yield from self._routine(found, what)
        elif what.verb == "CREATE" and kind is not None:
            yield Created(kind, label(what.name.name))
            if kind == "tables":
                yield from _numbered(found, what)
                yield from self._keys.created(found, what)

    def _routine(self, found: list[Token], what: Definition) -> Iterator[Created]:
        """By kind and name, so that a function and a procedure of one name are two."""
        name = what.name.name if what.name else ""
        body = [t.word for t in found[what.at + 1 : what.at + 2]] == ["BODY"]
        one = (f"{what.kind} BODY" if body else what.kind, name.lower())
        if what.verb == "CREATE":
            self._routines.add(one)
            yield Created("routines", label(name))
        elif what.verb == "DROP" and one in self._routines:
            self._routines.remove(one)
            yield Created("routines", label(name), gone=True)


def _numbered(found: list[Token], what: Definition) -> Iterator[Created]:
    number = next_number(found, what)
    if number is not None and what.name is not None:
        yield Created("next_number", label(what.name.name), number)


def _sequence_value(found: list[Token]) -> Iterator[Created]:
    """``SELECT SETVAL(s, 5010, 0)``, as mariadb-dump writes it (``DO`` since 11.4)."""
    if len(found) < 2 or found[1].word != "SETVAL":  # noqa: PLR2004 - the verb and SETVAL
        return
    name = next(names(found, 3), None)
    if name is None:
        return
    number = b"".join(t.text for t in found[name.after + 1 : name.after + 3]).rstrip(b",)")
    if number.lstrip(b"-").isdigit():
        yield Created("sequence_value", label(name.name), int(number))
