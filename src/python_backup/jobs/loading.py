"""What every restore does with its artifact: examine it, read it through the filter, fill a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.dialect import Dialect, Picker, SourceDatabase
from python_backup.dump.needs import Needs, NeedsCounter
from python_backup.dump.pick import Pick
from python_backup.dump.piece import Piece, Statement
from python_backup.engines.engine import Server
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactCorrupt, Refused, UsageError
from python_backup.instance import Instance
from python_backup.jobs.clock import LoadClock
from python_backup.jobs.examine import Examination, Examiner, both
from python_backup.jobs.in_part import opened_in_part
from python_backup.jobs.opened import ARCHIVES, opened_as_sql
from python_backup.jobs.pace import Pace, paced
from python_backup.jobs.parts.filling import fill_parts
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import fed, pieces_of
from python_backup.model import Facts, Format, Span
from python_backup.storage.names import parse_path
from python_backup.stream.apart import apart
from python_backup.stream.artifact import new_sum, stored_blocks
from python_backup.stream.members import Sum
from python_backup.stream.reading import reading


@dataclass(frozen=True, slots=True)
class Whole:
    """An artifact that passed all its checks and fits the instance's engine.

    With a ``pick``, ``facts`` are those of what is picked.
    """

    examination: Examination
    dialect: Dialect
    facts: Facts
    pick: Pick | None = None

    @property
    def path(self) -> Path:
        """The artifact."""
        return self.examination.path

    @property
    def source(self) -> str | None:
        """The one database that is restored, None where the dump names none."""
        return self.examination.source

    @property
    def like(self) -> SourceDatabase | None:
        """What the dump says of making it."""
        return next((d for d in self.examination.databases if d.name == self.source), None)

    @property
    def warnings(self) -> Iterator[str]:
        """What could not be checked; a missing manifest alone is none, for its sum is missing too."""
        for check in self.examination.checks:
            if check.ok is None and (check.name != "manifest" or self.examination.manifest is not None):
                yield f"{check.name}: {check.detail}"

    def target(self, asked: str | None, instance: Instance) -> str:
        """The database to restore into: as asked, else as manifest, dump or file name say.

        Raises:
            UsageError: none of them says.
            Refused: it is one of the server's own.
        """
        name = parse_path(self.path)
        target = asked or self.source or (name.database if name is not None else None)
        if target is None:
            raise UsageError(
                f"neither {self.path.name} nor its dump says which database it is of",
                hint="Name the database to restore into with --target NAME.",
            )
        if ENGINES[instance.dbms].owns(target):
            raise Refused(
                f"{target!r} is one of the server's own databases: no restore makes or replaces it",
                hint="Name another with --target NAME.",
            )
        return target


def examine_whole(path: Path, instance: Instance, source: str | None, examiner: Examiner) -> Whole:
    """Reads the whole artifact with the instance's tools; no server is asked.

    Raises:
        UsageError: a pattern of the examiner's ``pick`` takes nothing.
        ArtifactCorrupt: a check failed.
        Refused: it is of the other engine, or unsafe.
    """
    family = ENGINES[instance.dbms].dialect.family
    bwlimit = instance.throttle.bwlimit
    seen = replace(examiner, tools=instance.tools, family=family, bwlimit=bwlimit).examine(path, source)
    if seen.failed is not None:
        raise ArtifactCorrupt(
            f"{path}: {seen.failed.name}: {seen.failed.detail}",
            hint="Nothing was touched. Take another backup: vya-backupdb list shows them.",
        )
    if seen.dialect is None or seen.facts is None:
        raise AssertionError("examined without a fault and without facts")
    if seen.dialect.family != family:
        raise Refused(
            f"{path} is a dump of {seen.dialect.family}, instance {instance.label} is {instance.dbms}",
            hint="Name an instance of the dump's engine with --instance.",
        )
    return Whole(seen, seen.dialect, seen.picked or seen.facts, examiner.pick)


@dataclass(frozen=True, slots=True)
class Loading:
    """How one artifact is read for one instance; ``changes`` gathers what its filter alters.

    ``choices`` name the database that there is to be in the end, whatever name it is loaded under.
    ``jobs`` is how many statements the server may be given at once, where the engine can. ``kept_as`` is
    what the database says of itself while it is filled from parts (`jobs.parts.kept`); None: nothing.
    """

    whole: Whole
    instance: Instance
    progress: Progress
    choices: Choices = AS_THE_DUMP
    changes: Changes = field(default_factory=Changes)
    jobs: int = 1
    kept_as: str | None = None
    clock: LoadClock = field(default_factory=LoadClock)

    def unbridgeable(self, server: Server, database: str) -> tuple[str, ...]:
        """Why the server cannot hold what the dump has, each reason with its line; it was read already."""
        bridge = self.whole.examination.bridge
        return bridge.unbridgeable(server.target(database), self.choices) if bridge is not None else ()

    def refuse_unbridgeable(self, server: Server, database: str) -> None:
        """Asked before the target is touched.

        Raises:
            Refused: the dump has what the server has nothing like, or a name that may mean two things.
        """
        reasons = self.unbridgeable(server, database)
        if reasons:
            listed = "".join(f"\n  {reason}" for reason in reasons)
            raise Refused(
                f"{self.whole.path} cannot be restored to this server:{listed}",
                hint="Leave it out (--exclude-table), choose otherwise, or take a server that has it.",
            )

    def fill(self, server: Server, database: str) -> None:
        """Loads the dump into a database that was made for it; `unbridgeable` was asked before."""
        if self._by_its_tool(server, database):
            self._fill_by_its_tool(server, database)
        elif self._by_parts:
            fill_parts(self, server, database)
        else:
            builds = self._builds(server, database)
            with self.rewritten(server, database) as pieces:
                server.load(database, self.clock.timed(pieces), complete=True, builds=builds)
        if self.choices.owner is not None:
            server.give(database, self.choices.owner)

    @property
    def _by_parts(self) -> bool:
        parts = self.whole.examination.format is Format.PARTS and self.whole.pick is None
        return parts and (self.jobs > 1 or self.kept_as is not None)

    def _by_its_tool(self, server: Server, database: str) -> bool:
        """Whether pg_restore may load an archive's rows and the rest: the filter leaves them as they are."""
        seen, whole, target = self.whole.examination, self.whole, server.target(database)
        if self.jobs == 1 or seen.format not in ARCHIVES or whole.pick is not None:
            return False
        rewriter = whole.dialect.rewriter(whole.source, target, Changes(), self.choices)
        with opened_as_sql(whole.path, self.instance.tools, section="post-data") as blocks:
            pieces = tuple(pieces_of(blocks, whole.dialect.lexer()))
        return _statements(rewriter.rewrite(pieces)) == _statements(pieces)

    def _fill_by_its_tool(self, server: Server, database: str) -> None:
        """Definitions as ever, then pg_restore with its own jobs: it passes over rows of other tables."""
        from python_backup.engines.postgresql.archive import load_rows  # noqa: PLC0415 - brings a driver

        path = self.whole.path
        with self.rewritten(server, database, section="pre-data") as pieces:
            server.load(database, pieces, complete=True)
        with self.progress.step(f"loading {path.name} with {self.jobs} jobs of pg_restore"):
            load_rows(path, self.instance, database, self.jobs)
        same = _Same.as_examined(self.whole.examination)
        with reading(path):
            for _ in same.checked(_given(stored_blocks(path), same.update)):
                pass

    def _builds(self, server: Server, database: str) -> Builds:
        """What may be made of a table as soon as its rows are in; only dump tools keep to that order."""
        seen = self.whole.examination
        if self.jobs == 1 or not seen.named or seen.in_part or seen.builds is None:
            return NO_BUILDS
        dialect, target = self.whole.dialect, server.target(database)
        builds = seen.builds.read(dialect.rewriter(self.whole.source, target, Changes(), self.choices))
        return replace(builds, jobs=self.jobs)

    def rehearse(self, server: Server, database: str) -> Needs:
        """Reads everything as `fill` would, so that ``changes`` has it all; sends nothing.

        Returns what the server must have for it.
        """
        counter = NeedsCounter(self.whole.dialect.needs())
        with self.rewritten(server, database, rehearsal=True) as pieces:
            for piece in pieces:
                counter.take(piece)
        return counter.result()

    @contextmanager
    def rewritten(
        self, server: Server, database: str, *, rehearsal: bool = False, section: str | None = None
    ) -> Iterator[Iterator[Piece]]:
        """What a database of this name is to get, read and cut in a thread of its own; see `opened_as_sql`.

        A rehearsal goes on where a restore would ask what a name means.
        """
        doing = "reading" if rehearsal else "restoring"
        whole, target, choices = self.whole, server.target(database), self.choices
        if rehearsal and choices.rename_ambiguous is None:
            choices = replace(choices, rename_ambiguous=False)
        rewriter = whole.dialect.rewriter(whole.source, target, self.changes, choices)
        same = _Same.as_examined(whole.examination)
        picker = whole.dialect.picker(whole.pick, self.changes) if whole.pick is not None else None
        with (
            self.progress.step(f"{doing} {whole.path.name}", total=whole.examination.size) as step,
            self._opened(picker, both(same.update, step), section) as blocks,
            nullcontext() if rehearsal else paced(self.instance, self.progress) as pace,
            apart(_by_block(_at(pace, same.checked(blocks)), whole, picker)) as batches,
        ):
            yield rewriter.rewrite(self.here(chain.from_iterable(batches)))
            if pace is not None:
                self.changes.warnings.extend(pace.warnings)

    def here(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces, with local tables instead of those that are elsewhere where that was chosen."""
        if not self.choices.stand_ins:
            return pieces
        replaced = map(self.whole.dialect.stand_ins(self.changes).replaced, pieces)
        return (piece for piece in replaced if piece is not None)

    @contextmanager
    def _opened(
        self, picker: Picker | None, on_stored: Callable[[bytes], object], section: str | None
    ) -> Iterator[Iterable[bytes | Span]]:
        """The dump, as much of it as was examined."""
        seen = self.whole.examination
        if not seen.in_part:
            with opened_as_sql(seen.path, self.instance.tools, on_stored, section) as blocks:
                yield blocks
            return
        with opened_in_part(seen.path, seen.manifest) as part:
            yield part.read(picker, on_stored) if part is not None else ()


@dataclass(frozen=True, slots=True)
class _Same:
    """Sees to it that what is loaded is what was examined: counts of rows would not tell."""

    path: Path
    expected: str
    digest: Sum

    @classmethod
    def as_examined(cls, seen: Examination) -> _Same:
        if seen.stored is None:
            raise AssertionError("loaded without having been examined")
        found = hashlib.sha256() if seen.in_part else new_sum(seen.path, seen.stored.name)
        return cls(seen.path, seen.stored.hexdigest(), found)

    def update(self, block: bytes) -> None:
        self.digest.update(block)

    def checked(self, blocks: Iterable[bytes | Span]) -> Iterator[bytes | Span]:
        """The blocks; raises behind the last where the stored bytes are not those that were examined."""
        yield from blocks
        if self.digest.hexdigest() != self.expected:
            raise ArtifactCorrupt(
                f"{self.path} was changed while it was restored: its {self.digest.name} differs",
                hint="Restore it again when nobody writes to it, or take another backup.",
            )


def _at(pace: Pace | None, blocks: Iterator[bytes | Span]) -> Iterator[bytes | Span]:
    return blocks if pace is None else pace.over(blocks)


def _statements(pieces: Iterable[Piece]) -> list[bytes]:
    return [piece.sql for piece in pieces if isinstance(piece, Statement)]


def _given(blocks: Iterable[bytes], take: Callable[[bytes], object]) -> Iterator[bytes]:
    """The blocks, each given to ``take`` first."""
    for block in blocks:
        take(block)
        yield block


def _by_block(blocks: Iterable[bytes | Span], whole: Whole, picker: Picker | None) -> Iterator[list[Piece]]:
    """The picked pieces, those of one block together: a queue's place costs more than a piece."""
    lexer, selector = whole.dialect.lexer(), whole.dialect.selector(whole.source)

    def chosen(pieces: Iterator[Piece]) -> list[Piece]:
        selected = selector.select(pieces)
        return list(selected if picker is None else picker.pick(selected))

    for block in blocks:
        yield chosen(fed(lexer, block))
    yield chosen(lexer.finish())
    if picker is not None:
        picker.finish()
