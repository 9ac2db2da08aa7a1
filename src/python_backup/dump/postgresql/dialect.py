"""PostgreSQL's dump text as one `Dialect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from python_backup.dump.builds import BuildReader
from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.dialect import Bridge, Dialect, Guard, Picker, Rewriter, Selector, StandIns
from python_backup.dump.needs import NeedsReader
from python_backup.dump.pick import Pick
from python_backup.dump.postgresql.lexer import PostgreSQLLexer
from python_backup.dump.postgresql.objects import ObjectReader
from python_backup.dump.postgresql.statements import PostgreSQLStatements
from python_backup.dump.rowwise import ShapeReader
from python_backup.late import late

if TYPE_CHECKING:
    from python_backup.dump.postgresql import (
        bridging,
        builds,
        guard,
        needs,
        picking,
        rewriter,
        selector,
        shape,
        stand_ins,
    )
else:
    bridging, builds, guard, needs, picking, rewriter, selector, shape, stand_ins = late(
        __package__, "bridging builds guard needs picking rewriter selector shape stand_ins"
    )


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

    def shapes(self) -> ShapeReader:
        """A new reader of tables' shapes."""
        return shape.PostgreSQLShapes()

    def needs(self) -> NeedsReader:
        """A new reader of needs."""
        return needs.PostgreSQLNeeds()

    def selector(self, source: str | None) -> Selector:
        """A new selector."""
        return selector.DatabaseSelector(source)

    def guard(self, source: str | None, *, events: bool = True) -> Guard:  # noqa: ARG002 - it has none
        """A new guard."""
        return guard.DumpGuard(source)

    def stand_ins(self, changes: Changes) -> StandIns:
        """A new replacer of what is elsewhere, for one stream."""
        return stand_ins.PostgreSQLStandIns(changes)

    def picker(self, pick: Pick, changes: Changes) -> Picker:
        """A new picker for one stream."""
        return picking.DumpPicker(pick, changes)

    def rewriter(
        self,
        source: str | None,
        target: Any,
        changes: Changes,
        choices: Choices = AS_THE_DUMP,
    ) -> Rewriter:
        """A new rewriter; ``target`` is a `rewriter.Target`."""
        return rewriter.DumpRewriter(target, changes, choices, source)

    def builds(self) -> BuildReader:
        """A new reader of indexes and keys."""
        return builds.PostgreSQLBuilds()

    def bridge(
        self,
        source: str | None,  # noqa: ARG002 - a name never means two things here
    ) -> Bridge:
        """A new judge of what some servers cannot hold."""
        return bridging.PostgreSQLBridge()


DIALECT: Dialect = PostgreSQLDialect()
