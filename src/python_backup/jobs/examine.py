"""Reads a whole artifact before anything else is done with it, and says what is wrong with it.

One pass: the stored bytes are summed, decoded, lexed, guarded and counted. No server is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from python_backup.dump.builds import BuildReader
from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Bridge, Dialect, Header, Picker, SourceDatabase
from python_backup.dump.facts import FactsCounter
from python_backup.dump.pick import Pick
from python_backup.dump.piece import DataBegin, Piece, Statement
from python_backup.dump.table import DIALECTS
from python_backup.errors import ArtifactCorrupt, ToolFailed, UnsafeDump, UsageError
from python_backup.instance import Throttle, Tools
from python_backup.jobs.evidence import Beside, Check, facts_check, lacking_check
from python_backup.jobs.in_part import InPart, length, opened_in_part
from python_backup.jobs.opened import headed, opened_as_sql, peek
from python_backup.jobs.pace import Pace
from python_backup.jobs.parts.places import placed
from python_backup.jobs.picked import PickedFacts
from python_backup.jobs.progress import Progress, Step
from python_backup.jobs.reading import pieces_of
from python_backup.model import Facts, Format, Manifest, Span
from python_backup.storage.names import parse_path
from python_backup.stream.artifact import format_of, new_sum, stored_digest, stored_size
from python_backup.stream.members import Sum, members


@dataclass(frozen=True, slots=True)
class Examination:
    """What a whole artifact holds, and whether it is what was written.

    ``facts`` and ``dialect`` are None where it could not be read to its end. ``source`` is the one
    database that was looked at, None where the dump names none. ``picked`` are the facts of what was
    asked for of it, None where that is everything; ``bridge`` has what of that only some servers hold,
    ``builds`` what of it makes indexes and keys.
    ``stored`` is the sum of the stored bytes; with ``in_part``, of the frames or parts that were read.
    """

    path: Path
    format: Format
    size: int
    manifest: Manifest | None
    checks: tuple[Check, ...]
    header: Header | None
    dialect: Dialect | None = None
    facts: Facts | None = None
    databases: tuple[SourceDatabase, ...] = ()
    source: str | None = None
    picked: Facts | None = None
    bridge: Bridge | None = None
    builds: BuildReader | None = None
    stored: Sum | None = None
    in_part: bool = False

    @property
    def failed(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if check.ok is False), None)

    @property
    def named(self) -> bool:
        """Whether a dump tool wrote it, and so gave every object its name."""
        return self.header is not None and self.header.tool is not None

    @property
    def taken(self) -> datetime | None:
        """When the dump was begun, as the manifest or the file's name says."""
        if self.manifest is not None:
            return self.manifest.started
        name = parse_path(self.path)
        return None if name is None else name.taken


class Witness(Protocol):
    """Looks at all that passes, beside what every examination looks at; also where it breaks off."""

    def begin(self, dialect: Dialect, source: str | None, counter: FactsCounter) -> None:
        """What will pass; the counter has counted each piece that `take` is given."""
        ...

    def decoded(self, block: bytes) -> None:
        """Looks at one block of SQL, in order."""
        ...

    def take(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        ...


@dataclass(slots=True)
class _Read:
    """What one pass over a dump gathers."""

    header: Header | None
    dialect: Dialect
    source: str | None
    databases: tuple[SourceDatabase, ...] = ()
    facts: Facts | None = None
    picked: Facts | None = None
    bridge: Bridge | None = None
    builds: BuildReader | None = None
    complete: bool = False
    empty: bool = True
    size: int = 0
    part: InPart | None = None

    def counted(self, blocks: Iterable[bytes | Span], witness: Witness | None) -> Iterator[bytes | Span]:
        """The blocks; their bytes are added up."""
        self.size = 0
        for block in blocks:
            self.size += length(block)
            if witness is not None and isinstance(block, bytes):
                witness.decoded(block)
            yield block

    def checks(self, manifest: Manifest | None) -> Iterator[Check]:
        """What the pass says of the artifact, beside its manifest."""
        if self.part is not None:
            yield Check("checksum", self.part.told, ok=True)
            yield from lacking_check(self.part.source.lacking)
        tables = self.facts.tables if self.facts else ()
        rows = self.facts.rows if self.facts else 0
        found = f"{self.size:,} bytes of SQL; tables: {len(tables):,}; rows: {rows:,}"
        if self.empty:  # what a failed `dump > file` leaves; restored, it would replace a database by nothing
            yield Check("content", "there is no statement in it: this is no dump", ok=False)
            return
        yield Check("content", found, ok=True)
        yield self._end_check()
        if manifest is not None and self.facts is not None:
            yield facts_check(self.facts, manifest.facts)

    @property
    def cut(self) -> bool:
        """Whether its end is missing, as far as that can be told."""
        return not self.complete and self.header is not None and self.header.tool is not None

    def _end_check(self) -> Check:
        name = "end of dump"
        if self.complete:
            return Check(name, "the dump tool's own end mark is there", ok=True)
        if self.header is None or self.header.tool is None:
            return Check(name, "no known dump tool wrote this, so there is no end mark to look for", ok=None)
        return Check(name, f"{self.header.tool}'s end mark is missing: the dump is truncated", ok=False)


@dataclass(frozen=True, slots=True)
class Examiner:
    """How to look at artifacts.

    ``tools`` read pg_dump's archives. ``family`` is what a dump without a header is taken for; None
    guesses. ``guarded``: refuse what no restore may run, and want one database. ``pick`` is what of
    it is wanted; all of it is looked at in any case. ``events``: whether its events will run.
    ``stand_ins``: see `Choices`. ``bwlimit``: how many of its bytes are read in a second.
    """

    progress: Progress
    tools: Tools = field(default_factory=Tools)
    family: str | None = None
    guarded: bool = True
    pick: Pick | None = None
    events: bool = True
    stand_ins: bool = False
    witness: Witness | None = None
    bwlimit: int | None = None

    def examine(self, path: Path, source: str | None = None) -> Examination:
        """Reads the whole artifact; a damaged one gives failed checks, not an exception.

        ``source`` is the one database to look at, of a dump that holds several.

        Raises:
            ArtifactMissing: there is no such file.
            UnsafeDump: a guarded dump holds what no restore may run.
            UsageError: the dump holds several databases and ``source`` names none of them, or a
                pattern of ``pick`` takes nothing.
        """
        found, size = format_of(path), stored_size(path)
        beside = Beside.of(path)
        checks = list(beside.checks)
        digest = new_sum(path, beside.algorithm)
        read: _Read | None = None
        part: InPart | None = None
        with self.progress.step(f"reading {path.name}", total=size) as step:
            pace = Pace(Throttle(self.bwlimit), self.progress)
            try:
                with opened_in_part(path, beside.manifest if self.pick is not None else None) as part:
                    digest = digest if part is None else hashlib.sha256()
                    taken = both(digest.update, step, pace)
                    read = self._read(path, (source, beside.manifest), part, taken)
            except (ArtifactCorrupt, ToolFailed) as exc:
                checks.append(Check("content", exc.message, ok=False))
                if part is None:
                    digest = stored_digest(path, beside.algorithm)
            except (UnsafeDump, UsageError) as exc:
                if part is None:
                    digest = stored_digest(path, beside.algorithm)
                if part is not None or beside.sum_check(digest).ok is not False:
                    if found is Format.PARTS:
                        files = members(path) if part is None else part.files
                        raise type(exc)(placed(path, files, exc.message), hint=exc.hint) from exc
                    raise
                checks.append(
                    Check("content", exc.message, ok=False)
                )  # damage that looks like a command or name
        if part is None:
            checks.append(beside.sum_check(digest))
        if read is None:
            return Examination(path, found, size, beside.manifest, tuple(checks), None)
        checks.extend(read.checks(beside.manifest))
        return Examination(
            path, found, size, beside.manifest, tuple(checks),
            read.header, read.dialect, read.facts, read.databases, read.source, read.picked, read.bridge,
            read.builds, digest, part is not None,
        )  # fmt: skip

    def _read(
        self,
        path: Path,
        asked: tuple[str | None, Manifest | None],
        part: InPart | None,
        on_stored: Callable[[bytes], object],
    ) -> _Read:
        """The one pass, over no more than is picked where that can be."""
        if part is None:
            return self._read_whole(path, asked, on_stored)
        header, (wanted, _) = peek(path, self.tools), asked
        read = _Read(
            header, DIALECTS[_family(header, self.family)], wanted or part.manifest.database, part=part
        )
        self._pass(read, lambda picker: part.read(picker, on_stored), guarded=self.guarded)
        _check_source(path, read.databases, wanted, single=self.guarded)
        return read

    def _read_whole(
        self, path: Path, asked: tuple[str | None, Manifest | None], on_stored: Callable[[bytes], object]
    ) -> _Read:
        """A dump that does not say which database it is of is passed over twice."""
        wanted, manifest = asked
        with opened_as_sql(path, self.tools, on_stored) as opened:
            header, blocks = headed(opened)
            dialect = DIALECTS[_family(header, self.family)]
            named = manifest.database if manifest else header.database if header else None
            source = wanted or named
            first = _Read(header, dialect, source)
            self._pass(first, lambda _: blocks, guarded=self.guarded and source is not None)
        if first.cut:  # what is left of a name may look like another database's
            return first
        _check_source(path, first.databases, wanted, single=self.guarded)
        if source is not None or not self.guarded:
            return first
        second = _Read(header, dialect, first.databases[0].name if first.databases else None)
        with opened_as_sql(path, self.tools) as opened:
            self._pass(second, lambda _: opened, guarded=True)
        return second

    def _pass(
        self, read: _Read, blocks: Callable[[Picker | None], Iterable[bytes | Span]], *, guarded: bool
    ) -> None:
        lexer, selector = read.dialect.lexer(), read.dialect.selector(read.source)
        guard = read.dialect.guard(read.source, events=self.events)
        counter = FactsCounter(read.dialect.objects(), read.dialect.statements(read.source))
        read.bridge = bridge = read.dialect.bridge(read.source)
        read.builds = builds = read.dialect.builds()
        beside = (bridge, builds)
        picked = PickedFacts(read.dialect, self.pick, beside) if self.pick is not None else None
        read.empty = True
        if self.witness is not None:
            self.witness.begin(read.dialect, read.source, counter)
        stand_ins = read.dialect.stand_ins(Changes()) if self.stand_ins else None
        opened = read.counted(blocks(picked.picker if picked is not None else None), self.witness)
        for piece in selector.select(_seen(read, pieces_of(opened, lexer))):
            loaded = piece if stand_ins is None else stand_ins.replaced(piece)
            if guarded and loaded is not None:
                guard.check(loaded)
            counter.take(piece)
            if self.witness is not None:
                self.witness.take(piece)
            if picked is not None:
                picked.take(piece)
            elif loaded is not None:
                builds.take(loaded)
                if guarded:
                    bridge.take(loaded)
        counted = counter.result() if read.part is None else read.part.whole(counter.result())
        read.databases, read.facts, read.complete = selector.databases, counted, lexer.complete
        read.picked = picked.result(read.facts) if picked is not None else None


def _seen(read: _Read, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces; notes whether any of them is more than comments and commands of a client."""
    for piece in pieces:
        if read.empty and isinstance(piece, Statement | DataBegin):
            read.empty = False
        yield piece


def _check_source(
    path: Path, databases: tuple[SourceDatabase, ...], wanted: str | None, *, single: bool
) -> None:
    names = [database.name for database in databases]
    if wanted is not None and names and wanted not in names:
        raise UsageError(f"{path.name} holds no database {wanted!r}", hint=f"It holds: {', '.join(names)}.")
    if single and wanted is None and len(names) > 1:
        raise UsageError(
            f"{path.name} holds {len(names)} databases: {', '.join(names)}",
            hint="Say which one to restore with --source NAME.",
        )


def _family(header: Header | None, wanted: str | None) -> str:
    """A dump that does not say what it is, is what it is wanted to be."""
    if header is not None:
        return header.family
    return wanted or "postgresql"


def both(update: Callable[[bytes], object], step: Step, pace: Pace | None = None) -> Callable[[bytes], None]:
    """What takes a stored block for a sum and for the progress, at this pace."""

    def take(block: bytes) -> None:
        update(block)
        step.advance(len(block))
        if pace is not None:
            pace.passed(len(block))

    return take
