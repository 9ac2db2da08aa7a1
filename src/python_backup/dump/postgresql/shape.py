"""The columns and the primary key of each table that a PostgreSQL dump makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_backup.dump.piece import DataBegin, Statement
from python_backup.dump.postgresql.columns import columns_of, listed_columns
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import Kind
from python_backup.dump.rowwise import RowForm


@dataclass(slots=True)
class PostgreSQLShapes:
    """See `python_backup.dump.rowwise.ShapeReader`."""

    session: Session = field(default_factory=Session)
    _columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _last: tuple[bytes, RowForm] | None = None

    def take(self, statement: Statement) -> None:
        """Learns from CREATE TABLE, and from the ALTER TABLE that adds the key behind the data."""
        self.session.take(statement.sql)
        self._last = None
        at = self.session.cursor(statement.sql)
        if at.accept("alter", "table"):
            at.accept("if", "exists")
            at.accept("only")
            table = self.session.label(*at.name())
            if at.sees("add", "constraint"):
                self._key(at, table)
        elif made := columns_of(at):
            table = self.session.label(*made[0])
            inherits = at.skip_to("inherits")  # then it has columns that it does not name
            at.at = 0
            self._columns[table] = () if inherits else made[1]
            self._key(at, table)

    def _key(self, at: Cursor, table: str) -> None:
        """``PRIMARY KEY (a, b)``, or a column's own ``a integer PRIMARY KEY``."""
        column: tuple[str, ...] = ()
        begins = False
        while not at.ended:
            if at.accept("primary", "key"):
                self._keys[table] = listed_columns(at) or column
                return
            token = at.take()
            if begins and token.names:
                column = (token.name(at.codec),)
            begins = token.kind is Kind.SIGN and token.text in (b"(", b",")

    def form(self, begun: DataBegin) -> RowForm:
        """How the rows that begin here are written."""
        if self._last is None or self._last[0] != begun.sql:
            at = self.session.cursor(begun.sql)
            at.accept("copy") or at.accept("insert", "into")
            at.name()
            columns = listed_columns(at) or self._columns.get(begun.table, ())
            escapes = not self.session.standard
            self._last = begun.sql, RowForm(begun.copy, columns, escapes, prefixed=True)
        return self._last[1]

    def key(self, table: str) -> tuple[str, ...]:
        """The columns of a table's primary key, as far as the dump has come."""
        return self._keys.get(table, ())
