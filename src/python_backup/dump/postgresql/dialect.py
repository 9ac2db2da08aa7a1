"""PostgreSQL's dump text as one `Dialect`."""

from __future__ import annotations

from typing import Any

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.dialect import Dialect
from python_backup.dump.pick import Pick
from python_backup.dump.postgresql.bridging import PostgreSQLBridge
from python_backup.dump.postgresql.builds import PostgreSQLBuilds
from python_backup.dump.postgresql.guard import DumpGuard
from python_backup.dump.postgresql.lexer import PostgreSQLLexer
from python_backup.dump.postgresql.needs import PostgreSQLNeeds
from python_backup.dump.postgresql.objects import ObjectReader
from python_backup.dump.postgresql.picking import DumpPicker
from python_backup.dump.postgresql.rewriter import DumpRewriter
from python_backup.dump.postgresql.selector import DatabaseSelector
from python_backup.dump.postgresql.shape import PostgreSQLShapes
from python_backup.dump.postgresql.statements import PostgreSQLStatements


class PostgreSQLDialect:
    """The text of pg_dump, pg_dumpall and psql scripts."""

    @property
    def family(self) -> str:
        """The family's name."""
        return "postgresql"

    def lexer(self) -> PostgreSQLLexer:
        """A new lexer."""
        return PostgreSQLLexer()

    def objects(self) -> ObjectReader:
        """A new reader of created objects."""
        return ObjectReader()

    def statements(self, source: str | None) -> PostgreSQLStatements:  # noqa: ARG002 - no object names it
        """A new reader of what makes one stream's objects."""
        return PostgreSQLStatements()

    def shapes(self) -> PostgreSQLShapes:
        """A new reader of tables' shapes."""
        return PostgreSQLShapes()

    def needs(self) -> PostgreSQLNeeds:
        """A new reader of needs."""
        return PostgreSQLNeeds()

    def selector(self, source: str | None) -> DatabaseSelector:
        """A new selector."""
        return DatabaseSelector(source)

    def guard(self, source: str | None, *, events: bool = True) -> DumpGuard:  # noqa: ARG002 - it has none
        """A new guard."""
        return DumpGuard(source)

    def picker(self, pick: Pick, changes: Changes) -> DumpPicker:
        """A new picker for one stream."""
        return DumpPicker(pick, changes)

    def rewriter(
        self,
        source: str | None,
        target: Any,
        changes: Changes,
        choices: Choices = AS_THE_DUMP,
    ) -> DumpRewriter:
        """A new rewriter; ``target`` is a `rewriter.Target`."""
        return DumpRewriter(target, changes, choices, source)

    def builds(self) -> PostgreSQLBuilds:
        """A new reader of indexes and keys."""
        return PostgreSQLBuilds()

    def bridge(
        self,
        source: str | None,  # noqa: ARG002 - a name never means two things here
    ) -> PostgreSQLBridge:
        """A new judge of what some servers cannot hold."""
        return PostgreSQLBridge()


DIALECT: Dialect = PostgreSQLDialect()
