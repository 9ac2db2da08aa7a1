"""The facts of what a selective restore takes of a dump."""

from __future__ import annotations

from dataclasses import replace

from python_backup.dump.builds import BuildReader
from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Bridge, Dialect
from python_backup.dump.facts import FactsCounter
from python_backup.dump.pick import Pick
from python_backup.dump.piece import DataBegin, Piece, Rows
from python_backup.model import Facts


class PickedFacts:
    """Counts the pieces that a picker takes; a table's rows were counted and digested already."""

    def __init__(self, dialect: Dialect, pick: Pick, beside: tuple[Bridge, BuildReader]) -> None:
        self._bridge, self._builds = beside
        self.picker = dialect.picker(pick, Changes())
        self._counter = FactsCounter(dialect.objects())
        self._filled: set[str] = set()

    def take(self, piece: Piece) -> None:
        """Counts one piece of the whole dump, in order."""
        for kept in self.picker.pick((piece,)):
            self._bridge.take(kept)
            self._builds.take(kept)
            if isinstance(kept, DataBegin):
                self._filled.add(kept.table)
            if not isinstance(kept, Rows):
                self._counter.take(kept)

    def result(self, whole: Facts) -> Facts:
        """The facts, at the end of the dump; raises as `python_backup.dump.dialect.Picker.finish` does."""
        self.picker.finish()
        counted = {table.name: table for table in whole.tables}
        facts = self._counter.result()
        return replace(
            facts, tables=tuple(counted[t.name] if t.name in self._filled else t for t in facts.tables)
        )
