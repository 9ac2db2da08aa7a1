"""Values of generated columns: mariadb-dump writes them, MariaDB takes them, MySQL does not (error 3105)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from python_backup.dump.mysql.columns import generated_columns, head_of
from python_backup.dump.mysql.features import Feature
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import Token, tokens
from python_backup.dump.piece import ClientCommand, Comment, DataBegin, Piece
from python_backup.model import label

_MARIADB = re.compile(rb"(?m)^-- (?:MariaDB|MySQL) dump .*-MariaDB")


class Generated:
    """Finds such values in one dump's pieces, in order.

    Other programs write ``DEFAULT`` for them, which any server takes: so only mariadb-dump's are looked at.
    """

    def __init__(self) -> None:
        self._by_mariadb = False
        self._tables: dict[str, frozenset[str]] = {}

    def made(self, found: Sequence[Token]) -> None:
        """Takes a statement that makes something."""
        made = generated_columns(found)
        if made is not None and made[1]:
            self._tables[label(made[0])] = frozenset(made[1])

    def take(self, piece: Piece) -> Iterator[tuple[int, Feature]]:
        """What this piece has of it, with its line; once for each table."""
        match piece:
            case Comment() if not self._by_mariadb:
                self._by_mariadb = _MARIADB.search(piece.text) is not None
            case ClientCommand() if piece.command == "sandbox":
                self._by_mariadb = True
            case DataBegin() if self._by_mariadb and piece.table in self._tables:
                generated = self._tables.pop(piece.table)
                head = head_of(tokens(piece.sql, SqlModes()))
                if head is not None and (not head.columns or not generated.isdisjoint(head.columns)):
                    yield (
                        piece.line,
                        Feature(f"values of generated columns of table {piece.table}", None, (10, 2)),
                    )
            case _:
                pass
