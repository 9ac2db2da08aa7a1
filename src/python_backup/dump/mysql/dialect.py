"""MySQL's and MariaDB's dump text as the jobs use it: one object with all of its parts."""

from __future__ import annotations

from python_backup.dump.builds import NoBuilds
from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.dialect import Dialect
from python_backup.dump.mysql.bridging import MysqlBridge
from python_backup.dump.mysql.guard import MysqlGuard
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.needs import MysqlNeeds
from python_backup.dump.mysql.objects import MysqlObjects
from python_backup.dump.mysql.picking import MysqlPicker
from python_backup.dump.mysql.rewriter import MysqlRewriter, Target
from python_backup.dump.mysql.selector import MysqlSelector
from python_backup.dump.mysql.shape import MysqlShapes
from python_backup.dump.mysql.statements import MysqlStatements
from python_backup.dump.pick import Pick


class MysqlDialect:
    """See `python_backup.dump.dialect.Dialect`."""

    family = "mysql"

    def lexer(self) -> MysqlLexer:
        """A new lexer for one stream."""
        return MysqlLexer()

    def objects(self) -> MysqlObjects:
        """A new reader of created objects for one stream."""
        return MysqlObjects()

    def statements(self, source: str | None) -> MysqlStatements:
        """A new reader of what makes one stream's objects."""
        return MysqlStatements(source)

    def shapes(self) -> MysqlShapes:
        """A new reader of tables' shapes for one stream."""
        return MysqlShapes()

    def needs(self) -> MysqlNeeds:
        """A new reader of needs for one stream."""
        return MysqlNeeds()

    def selector(self, source: str | None) -> MysqlSelector:
        """A new selector for one stream."""
        return MysqlSelector(source)

    def guard(self, source: str | None, *, events: bool = True) -> MysqlGuard:
        """A new guard for one stream."""
        return MysqlGuard(source, events=events)

    def picker(self, pick: Pick, changes: Changes) -> MysqlPicker:
        """A new picker for one stream."""
        return MysqlPicker(pick, changes)

    def rewriter(
        self, source: str | None, target: Target, changes: Changes, choices: Choices = AS_THE_DUMP
    ) -> MysqlRewriter:
        """A new rewriter for one stream."""
        return MysqlRewriter(source, target, changes, choices)

    def builds(self) -> NoBuilds:
        """A reader that finds none: keys are made with their tables."""
        return NoBuilds()

    def bridge(self, source: str | None) -> MysqlBridge:
        """A new judge of what some servers cannot hold."""
        return MysqlBridge(source)


DIALECT: Dialect = MysqlDialect()
