"""MySQL's and MariaDB's dump text as the jobs use it: one object with all of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from python_backup.dump.builds import NoBuilds
from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.dialect import Bridge, Dialect, Guard, Picker, Rewriter, Selector, StandIns
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.objects import MysqlObjects
from python_backup.dump.mysql.statements import MysqlStatements
from python_backup.dump.needs import NeedsReader
from python_backup.dump.pick import Pick
from python_backup.dump.rowwise import ShapeReader
from python_backup.late import late

if TYPE_CHECKING:
    from python_backup.dump.mysql import bridging, guard, needs, picking, rewriter, selector, shape, stand_ins
else:
    bridging, guard, needs, picking, rewriter, selector, shape, stand_ins = late(
        __package__, "bridging guard needs picking rewriter selector shape stand_ins"
    )


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

    def shapes(self) -> ShapeReader:
        """A new reader of tables' shapes for one stream."""
        return shape.MysqlShapes()

    def needs(self) -> NeedsReader:
        """A new reader of needs for one stream."""
        return needs.MysqlNeeds()

    def selector(self, source: str | None) -> Selector:
        """A new selector for one stream."""
        return selector.MysqlSelector(source)

    def guard(self, source: str | None, *, events: bool = True) -> Guard:
        """A new guard for one stream."""
        return guard.MysqlGuard(source, events=events)

    def stand_ins(self, changes: Changes) -> StandIns:
        """A new replacer of what is elsewhere, for one stream."""
        return stand_ins.MysqlStandIns(changes)

    def picker(self, pick: Pick, changes: Changes) -> Picker:
        """A new picker for one stream."""
        return picking.MysqlPicker(pick, changes)

    def rewriter(
        self, source: str | None, target: Any, changes: Changes, choices: Choices = AS_THE_DUMP
    ) -> Rewriter:
        """A new rewriter for one stream; ``target`` is a `rewriter.Target`."""
        return rewriter.MysqlRewriter(source, target, changes, choices)

    def builds(self) -> NoBuilds:
        """A reader that finds none: keys are made with their tables."""
        return NoBuilds()

    def bridge(self, source: str | None) -> Bridge:
        """A new judge of what some servers cannot hold."""
        return bridging.MysqlBridge(source)


DIALECT: Dialect = MysqlDialect()
