"""What the server says of a database before it is dumped, to hold the dump against."""

from __future__ import annotations

from dataclasses import dataclass

from python_backup.engines.engine import Lack, Server
from python_backup.jobs import inventory
from python_backup.model import Facts


@dataclass(frozen=True, slots=True)
class Source:
    """What the server says of the database before the dump begins.

    ``told_off``: why it is not backed up in parts, although that was asked for.
    """

    server: Server
    database: str
    lacks: tuple[Lack, ...]
    expected: inventory.Objects
    told_off: tuple[str, ...] = ()

    @classmethod
    def look(cls, server: Server, database: str) -> Source:
        """Asks the server."""
        return cls(server, database, *server.surveyed(database))

    @property
    def unseen(self) -> tuple[str, ...]:
        """What a dump that ends well lacks without a word."""
        return tuple(str(lack) for lack in self.lacks if lack.silent)

    @property
    def denied(self) -> tuple[str, ...]:
        """What the dump tool fails on, or reports by itself, unless its options leave it out."""
        return tuple(str(lack) for lack in self.lacks if not lack.silent)

    @property
    def told(self) -> tuple[str, ...]:
        """Everything that the account may not see or do."""
        return tuple(map(str, self.lacks))

    def missing_in(self, held: Facts) -> inventory.Objects:
        """What the dump should hold and does not."""
        return inventory.missing(self.expected, held.objects, lambda: self.server.expected(self.database))
