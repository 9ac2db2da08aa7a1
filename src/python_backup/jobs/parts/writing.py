"""Writing the parts of one backup side by side: each is counted, digested, compressed and stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import PurePath

from python_backup.dump.dialect import Dialect
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import DataBegin, Piece
from python_backup.engines.parts import PartPlan, PartsSource
from python_backup.jobs.pace import Pace
from python_backup.jobs.parts.digests import PartDigest, TableDigest
from python_backup.jobs.parts.lanes import Task, side_by_side
from python_backup.jobs.progress import Step
from python_backup.model import Facts, Part, PartKind, TableFacts
from python_backup.storage.parts import StoringParts, part_file
from python_backup.storage.room import Room
from python_backup.stream.bounds import Bounds
from python_backup.stream.codecs import Member, encoder_beside
from python_backup.stream.meters import ByteMeter, Sha256Meter
from python_backup.stream.stage import through


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the parts in their order, and the facts of all of them together."""

    parts: tuple[Part, ...]
    facts: Facts


@dataclass(frozen=True, slots=True)
class PartsWriter:
    """Where parts go, and how; ``paced`` are asked and told of every byte of SQL, one thread at a time."""

    new: StoringParts
    dialect: Dialect
    database: str
    level: int | None
    room: Room
    started: datetime
    paced: tuple[Pace, Step]

    def write(self, source: PartsSource, bounds: Bounds) -> Written:
        """Reads and writes all parts of the source; raises `ToolFailed` when that takes too long."""
        work = _Work(self, source)

        def within() -> float | None:
            bounds.check(f"the backup of {self.database!r} in parts")
            return bounds.wait(None)

        side_by_side(work.tasks(), source.lanes, work.stop, within)
        return work.result()


@dataclass(slots=True)
class _Work:
    writer: PartsWriter
    source: PartsSource
    _statements: FactsCounter = field(init=False)
    _made: dict[int, Part] = field(default_factory=dict)
    _bytes: dict[int, int] = field(default_factory=dict)
    _tables: dict[str, TableDigest] = field(default_factory=dict)
    _files: list[str] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        dialect = self.writer.dialect
        self._statements = FactsCounter(dialect.objects(), dialect.statements(self.writer.database))
        number = 0
        for part in self.source.parts:
            number += part.kind is PartKind.DATA
            self._files.append(part_file(part.kind, number, part.table))

    def tasks(self) -> list[Task]:
        """What is to be done: the statements in one lane, in their order; the largest parts first of all."""
        numbered = list(enumerate(self.source.parts))
        statements = [(number, part) for number, part in numbered if not part.table]
        tables = [
            list(parts) for table, parts in groupby(numbered, key=lambda entry: entry[1].table) if table
        ]
        tables.sort(key=lambda parts: -max(part.weight for _, part in parts))
        tasks: list[Task] = [lambda lane: self._several(statements, lane)]
        for parts in tables:
            table = parts[0][1].table
            self._tables[table] = digest = TableDigest(len(parts))
            tasks += [
                self._task(number, part, digest.part(place)) for place, (number, part) in enumerate(parts)
            ]
        return tasks

    def stop(self) -> None:
        """Ends what is under way."""
        for table in self._tables.values():
            table.stop()
        self.writer.paced[0].end()
        self.source.stop()

    def result(self) -> Written:
        """What was written, when all tasks are done."""
        parts = tuple(self._made[number] for number in range(len(self._made)))
        facts = self._statements.result()
        tables = {table.name: table for table in facts.tables}
        for name, digest in self._tables.items():
            own = [
                (part.rows, self._bytes[number]) for number, part in enumerate(parts) if part.table == name
            ]
            rows = None if any(count is None for count, _ in own) else sum(count or 0 for count, _ in own)
            size = sum(size for _, size in own)
            tables[name] = TableFacts(name, rows, size, f"blake3:{digest.hexdigest}")
        return Written(parts, replace(facts, tables=tuple(tables[name] for name in sorted(tables))))

    def _task(self, number: int, part: PartPlan, digest: PartDigest) -> Task:
        return lambda lane: self._rows(number, part, digest, lane)

    def _several(self, parts: list[tuple[int, PartPlan]], lane: int) -> None:
        for number, part in parts:
            before = self._statements.result().rows
            self._store(number, part, self._statements.take, lane)
            rows = self._statements.result().rows - before
            self._made[number] = replace(self._made[number], rows=rows)

    def _rows(self, number: int, part: PartPlan, digest: PartDigest, lane: int) -> None:
        counter = FactsCounter(lambda _: (), new_digest=lambda: digest)
        begun = False

        def take(piece: Piece) -> None:
            nonlocal begun
            if isinstance(piece, DataBegin) and not begun:
                digest.begin(copy=piece.copy)
                begun = True
            counter.take(piece)

        self._store(number, part, take, lane)
        digest.done()
        found = counter.result().tables
        self._bytes[number] = sum(table.size for table in found)
        rows = None if any(table.rows is None for table in found) else sum(table.rows or 0 for table in found)
        self._made[number] = replace(self._made[number], rows=rows, digest=f"blake3:{digest.hexdigest()}")

    def _advance(self, size: int) -> None:
        """Whoever waits for the pace lets the others wait, too."""
        pace, step = self.writer.paced
        with self._turn:
            pace.passed(size)
            step.advance(size)

    def _store(self, number: int, part: PartPlan, take: Callable[[Piece], None], lane: int) -> None:
        writer, name = self.writer, self._files[number]
        raw, stored = (
            ByteMeter() if part.table else Sha256Meter(),
            Sha256Meter(),
        )  # a table's part has a digest
        member = Member(PurePath(name).name.removesuffix(".zst"), writer.started)
        encoder = encoder_beside(writer.level, member, self.source.lanes - 1)
        with self.source.read(part, lane) as pieces, writer.new.file(name) as file:
            blocks = through(_texts(pieces, take, self._advance), raw, encoder, stored)
            for block in writer.room.watched(blocks):
                file.write(block)
        self._made[number] = Part(
            name, part.kind, part.table, part.range, None, "",
            raw.size, raw.hexdigest if isinstance(raw, Sha256Meter) else "", stored.size, stored.hexdigest,
        )  # fmt: skip


def _texts(
    pieces: Iterator[Piece], take: Callable[[Piece], None], advance: Callable[[int], None]
) -> Iterator[bytes]:
    for piece in pieces:
        take(piece)
        advance(len(piece.text))
        yield piece.text
