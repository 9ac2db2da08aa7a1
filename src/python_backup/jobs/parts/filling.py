"""Loading a backup in parts side by side: what is before the rows, the rows, then what comes after them.

Each part is loaded over a connection of its own, as stock clients would: nothing that one part says of
its session holds for another. It was examined as one stream with the others, so it is guarded anew.
Where the database keeps what is loaded, only what it has not yet is loaded.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from python_backup.dump.builds import NO_BUILDS, Builds, work_of
from python_backup.dump.changes import Changes
from python_backup.dump.piece import DataBegin, Piece
from python_backup.engines.engine import Server
from python_backup.engines.parts import Done, Keeping, Later, LaterKeys, Record
from python_backup.errors import ArtifactCorrupt, StatementFailed, ToolFailed, UnsafeDump
from python_backup.jobs.pace import Pace, paced
from python_backup.jobs.parts.lanes import Task, side_by_side
from python_backup.jobs.progress import Step
from python_backup.model import Manifest
from python_backup.stream.apart import apart_beside
from python_backup.stream.artifact import read_artifact, stored_blocks
from python_backup.stream.members import members, sum_lines
from python_backup.stream.reading import reading

if TYPE_CHECKING:
    from python_backup.jobs.loading import Loading


_LONGEST_KEY = 200


def fill_parts(loading: Loading, server: Server, database: str) -> None:
    """Loads all parts into a database that was made for them.

    Raises:
        ArtifactCorrupt: a part is not what was examined.
    """
    path, seen = loading.whole.path, loading.whole.examination
    with (
        loading.progress.step(f"restoring {path.name}", total=seen.size) as step,
        paced(loading.instance, loading.progress, sessions=loading.jobs) as pace,
    ):
        keeping = server.keeping(database) if loading.kept_as is not None else None
        target, keys = server.target(database), server.later_keys(database)
        filling = _Filling(loading, server, database, (pace, step), target, keeping, keys)
        filling.run()
        loading.changes.warnings.extend(pace.warnings)


@dataclass(slots=True)
class _Filling:
    loading: Loading
    server: Server
    database: str
    paced: tuple[Pace, Step]
    target: Any
    keeping: Keeping | None
    keys: LaterKeys
    _ranged: frozenset[str] | None = field(init=False)
    _later: tuple[Later, ...] = ()
    _record: Record | None = None
    _sums: dict[Path, str] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._ranged = ranged(self.loading.whole.examination.manifest)

    def run(self) -> None:
        loading, path = self.loading, self.loading.whole.path
        before, *data, after = members(path)
        self._begin(before)
        tasks: list[Task] = [self._task(file) for file in self._largest_first(data)]
        side_by_side(tasks, loading.jobs, self._stop)
        self._make_keys()
        builds = self._builds(after)
        if self.keeping is not None and not self._done(after).whole:
            self.keeping.clear()
        with self._pieces(after, loading.changes) as pieces:
            self._load(after, loading.clock.timed(pieces), builds)
        self._check(path)

    def _largest_first(self, files: list[Path]) -> list[Path]:
        """By the SQL in them, where the manifest tells: what is compressed to little may load for long."""
        manifest, folder = self.loading.whole.examination.manifest, self.loading.whole.path
        sizes = {folder / part.file: part.raw_size for part in manifest.parts} if manifest is not None else {}
        return sorted(files, key=lambda file: -(sizes.get(file) or file.stat().st_size))

    def _begin(self, before: Path) -> None:
        """What stands before the rows; where the database has it, it is read all the same, for the report."""
        loading, keeping = self.loading, self.keeping
        self._record = keeping.record() if keeping is not None else None
        with self._pieces(before, loading.changes) as pieces:
            if self._record is None:
                self.server.load(self.database, pieces, complete=True)
            else:
                deque(pieces, maxlen=0)
        if self._record is not None:
            self._later = self._record.later
            return
        sizes = {table.name: table.size for table in loading.whole.facts.tables}
        self._later = self.keys.take_off(sizes)
        if keeping is not None and loading.kept_as is not None:
            keeping.begin(loading.kept_as, self._later)

    def _make_keys(self) -> None:
        """Makes what was left out of tables while their rows came, those of the largest table first."""
        if not self._later:
            return
        progress = self.loading.progress
        with progress.step("making keys", total=len(self._later), unit="tables") as step:

            def made(later: Later) -> Task:
                def make(_lane: int) -> None:
                    self._clear()
                    self.keys.make(later)
                    with self._turn:
                        step.advance(1)

                return make

            side_by_side([made(later) for later in self._later], self.loading.jobs, self._stop)

    def _clear(self) -> None:
        """Waits while the servers are busy."""
        with self._turn:
            self.paced[0].clear()

    def _stop(self) -> None:
        self._stopped.set()
        self.paced[0].end()
        self.keys.stop()

    def _done(self, file: Path) -> Done:
        return self._record.done(key(file, self.loading.whole.path)) if self._record is not None else Done()

    def _load(self, file: Path, pieces: Iterator[Piece], builds: Builds = NO_BUILDS) -> None:
        try:
            self._sent(file, pieces, builds)
        except StatementFailed as exc:
            message = f"{file.name}: {exc.message}"
            raise StatementFailed(message, hint=exc.hint, transient=exc.transient) from exc

    def _sent(self, file: Path, pieces: Iterator[Piece], builds: Builds) -> None:
        if self.keeping is None:
            self.server.load(self.database, pieces, complete=True, builds=builds)
        elif self._done(file).whole:
            deque(pieces, maxlen=0)
        else:
            self.keeping.load(key(file, self.loading.whole.path), pieces, self._done(file), builds)

    def _task(self, file: Path) -> Task:
        def load(_lane: int) -> None:
            if self._done(file).whole:
                self._pass(file)
                return
            with self._pieces(file, Changes()) as pieces:  # settings alone, as at the beginning of the others
                self._load(file, map(self._lone, pieces))

        return load

    def _lone(self, piece: Piece) -> Piece:
        """Tells of a table's rows that no other part has any."""
        if self._ranged is None or not isinstance(piece, DataBegin) or piece.table in self._ranged:
            return piece
        return replace(piece, lone=True)

    def _pass(self, file: Path) -> None:
        """Reads a part that is in, for the sum of all."""
        found = hashlib.sha256()
        passing = self._passing(found.update)
        with reading(file):
            for block in stored_blocks(file):
                passing(block)
        self._sums[file] = found.hexdigest()

    @contextmanager
    def _pieces(self, file: Path, changes: Changes) -> Iterator[Iterator[Piece]]:
        """What the database is to get of one part, read and cut apart where there is a core for it."""
        loading, whole = self.loading, self.loading.whole
        rewriter = whole.dialect.rewriter(whole.source, self.target, changes, loading.choices)
        with apart_beside(self._cut(file), loading.jobs - 1) as batches:
            yield rewriter.rewrite(loading.here(chain.from_iterable(batches)))

    def _cut(self, file: Path) -> Iterator[list[Piece]]:
        dialect, source = self.loading.whole.dialect, self.loading.whole.source
        lexer, selector, guard = dialect.lexer(), dialect.selector(source), dialect.guard(source)
        found = hashlib.sha256()

        def guarded(pieces: Iterator[Piece]) -> list[Piece]:
            chosen = list(selector.select(pieces))
            for piece in chosen:
                guard.check(piece)
            return chosen

        try:
            for block in read_artifact(
                file, on_stored=self._passing(found.update), others=self.loading.jobs - 1
            ):
                if self._stopped.is_set():
                    raise ToolFailed("another part could not be loaded")
                yield guarded(lexer.feed(block))
            yield guarded(lexer.finish())
            self._same(file, found.hexdigest())
        except UnsafeDump as exc:
            raise UnsafeDump(f"{file.name}: {exc.message}", hint=exc.hint) from exc
        self._sums[file] = found.hexdigest()

    def _same(self, file: Path, found: str) -> None:
        """What is kept must be known to be right: a part is held beside its manifest before it is in."""
        manifest, path = self.loading.whole.examination.manifest, self.loading.whole.path
        if self.keeping is None or manifest is None:
            return
        listed = next((part for part in manifest.parts if path / part.file == file), None)
        if listed is None or listed.sha256 != found:
            raise _changed(path)

    def _passing(self, take: Callable[[bytes], object]) -> Callable[[bytes], None]:
        """Whoever waits for the pace lets the others wait, too."""

        def passed(block: bytes) -> None:
            take(block)
            pace, step = self.paced
            with self._turn:
                pace.passed(len(block))
                step.advance(len(block))

        return passed

    def _builds(self, after: Path) -> Builds:
        """What of the last part can be made side by side, now that all rows are in."""
        whole = self.loading.whole
        reader, lexer = whole.dialect.builds(), whole.dialect.lexer()
        for table in whole.facts.tables:
            reader.take(DataBegin(b"", 0, b"", table.name, copy=True))
        for block in read_artifact(after):
            for piece in lexer.feed(block):
                reader.take(piece)
        for piece in lexer.finish():
            reader.take(piece)
        rewriter = whole.dialect.rewriter(whole.source, self.target, Changes(), self.loading.choices)
        work = {table.name: work_of(table.size, table.rows or 0) for table in whole.facts.tables}
        return replace(reader.read(rewriter), copies={}, jobs=self.loading.jobs, work=work)

    def _check(self, path: Path) -> None:
        """That what was loaded is what was examined."""
        seen = self.loading.whole.examination
        lines = sum_lines((str(file.relative_to(path)), self._sums[file]) for file in members(path))
        if seen.stored is None or hashlib.sha256(lines).hexdigest() != seen.stored.hexdigest():
            raise _changed(path)


def ranged(manifest: Manifest | None) -> frozenset[str] | None:
    """The tables whose rows are in several parts; None where that is not known."""
    if manifest is None or not manifest.parts:
        return None
    parts = Counter(part.table for part in manifest.parts)
    return frozenset(table for table, number in parts.items() if number > 1)


def key(file: Path, folder: Path) -> str:
    """The name of a part in the record: its path in the folder, in ASCII."""
    name = str(file.relative_to(folder)).encode("ascii", "backslashreplace").decode()
    if len(name) <= _LONGEST_KEY:
        return name
    return name[:_LONGEST_KEY] + hashlib.sha256(name.encode()).hexdigest()[:16]


def _changed(path: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"{path} was changed while it was restored",
        hint="Restore it again when nobody writes to it, or take another backup.",
    )
