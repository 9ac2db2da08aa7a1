"""The columns and the primary key of each table that a MySQL or MariaDB dump makes."""

from __future__ import annotations

from python_backup.dump.mysql.columns import columns_of, head_of
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.keys import Keys
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import tokens
from python_backup.dump.piece import DataBegin, Statement
from python_backup.dump.rowwise import RowForm
from python_backup.model import label

_NO_CHANGE = ("DISABLE", "ENABLE")  # KEYS, around a table's data


class MysqlShapes:
    """See `python_backup.dump.rowwise.ShapeReader`."""

    def __init__(self) -> None:
        self._modes = SqlModes()
        self._keys = Keys()
        self._columns: dict[str, tuple[str, ...]] = {}
        self._last: tuple[bytes, RowForm] | None = None

    def take(self, statement: Statement) -> None:
        """Learns from a CREATE TABLE, and from what changes keys and modes."""
        self._modes.follow(statement.sql)
        self._last = None
        found = tokens(statement.sql, self._modes)
        what = definition(found)
        if what is None or what.name is None or what.temporary or what.kind not in ("TABLE", "INDEX"):
            return
        if what.kind == "INDEX":
            changes = self._keys.index(found, what)
        elif what.verb == "CREATE":
            made = columns_of(found)
            self._columns[label(what.name.name)] = made[1] if made else ()
            changes = self._keys.created(found, what)
        elif what.verb == "ALTER":
            if found[what.name.after : what.name.after + 1] and found[what.name.after].word not in _NO_CHANGE:
                self._columns.pop(label(what.name.name), None)  # what it adds or takes away is not followed
            changes = self._keys.altered(found, what)
        else:
            return
        for _ in changes:
            pass

    def form(self, begun: DataBegin) -> RowForm:
        """How the rows that begin here are written."""
        if self._last is None or self._last[0] != begun.sql:
            head = head_of(tokens(begun.sql, self._modes))
            listed = head.columns if head else ()
            escapes, ansi = self._modes.backslash_escapes, self._modes.ansi_quotes
            columns = listed or self._columns.get(begun.table, ())
            self._last = begun.sql, RowForm(False, columns, escapes, escapes and not ansi)  # noqa: FBT003
        return self._last[1]

    def key(self, table: str) -> tuple[str, ...]:
        """The columns of a table's primary key, as far as the dump has come."""
        return self._keys.primary(table)
