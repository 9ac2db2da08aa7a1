"""Restoring: verify the artifact, make the target, load it through the filter, compare the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from time import monotonic

from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Dialect
from python_backup.dump.piece import Piece
from python_backup.engines.engine import Server
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactCorrupt, BackupError, Refused, TargetExists, UsageError
from python_backup.jobs.compare import Comparison, compare
from python_backup.jobs.examine import Examination, Examiner, opened_as_sql
from python_backup.jobs.progress import Progress
from python_backup.model import Facts, Instance, Manifest
from python_backup.storage.names import parse_name
from python_backup.stream.apart import apart


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What to restore where. ``target`` None: the name in the manifest, the dump, or the file's name.

    ``source`` chooses one database of a dump that holds several. ``verify`` False skips the
    comparison afterwards; the artifact is verified in any case.
    """

    file: Path
    instance: Instance
    target: str | None = None
    source: str | None = None
    dry_run: bool = False
    force: bool = False
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a person is asked to agree to; ``size`` is the file's bytes, ``taken`` when it was dumped."""

    file: str
    size: int
    taken: datetime | None
    rows: int
    source: str | None
    target: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, or with ``dry_run`` would do.

    ``comparison`` is None where nothing was compared: a dry run, or no verification. ``seconds``
    has the time of each step by name: ``examine``, ``load``, ``compare``.
    """

    file: Path
    instance: Instance
    source: str | None
    target: str
    replaced: bool
    dry_run: bool
    facts: Facts
    manifest: Manifest | None
    changes: Changes
    comparison: Comparison | None = None
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return self.comparison is None or self.comparison.equal


def restore(
    request: RestoreRequest, confirm: Callable[[Replacement], bool], progress: Progress
) -> RestoreReport:
    """Restores one artifact; ``confirm`` is asked before an existing database is replaced.

    Raises:
        ArtifactError: the artifact is missing or not whole; no server was touched.
        UnsafeDump: it holds what no restore may run; no server was touched.
        TargetExists: ``confirm`` said no.
        StatementFailed: the server refused a statement; what the restore made is dropped again.
    """
    return _Restore(request, confirm, progress).run()


@dataclass(frozen=True, slots=True)
class _Restore:
    """One restore under way: the request, and those it talks to."""

    request: RestoreRequest
    confirm: Callable[[Replacement], bool]
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def run(self) -> RestoreReport:
        """All steps in their order."""
        with self._timed("examine"):
            seen = self._examined()
        instance = self.request.instance
        target = self.request.target or _default_target(seen)
        with closing(ENGINES[instance.dbms].connect(instance)) as server:
            replaced = server.exists(target)
            if self.request.dry_run:
                self._read_only(server, seen, target)
                return self._report(seen, target, None, replaced=replaced)
            if replaced:
                self._agreed(seen, target)
            with self._timed("load"):
                self._load(server, seen, target, replaced=replaced)
            comparison = None
            if self.request.verify:
                with self._timed("compare"), self.progress.step(f"comparing {target}"):
                    comparison = compare(server, target, seen.facts)
            return self._report(seen, target, comparison, replaced=replaced)

    def _examined(self) -> _Whole:
        """The artifact, found whole and of the instance's engine.

        Raises:
            ArtifactCorrupt: a check failed.
            Refused: it is of the other engine.
        """
        instance = self.request.instance
        family = ENGINES[instance.dbms].dialect.family
        examiner = Examiner(self.progress, instance.tools, family)
        seen = examiner.examine(self.request.file, self.request.source)
        if seen.failed is not None:
            raise ArtifactCorrupt(
                f"{self.request.file}: {seen.failed.name}: {seen.failed.detail}",
                hint="Nothing was touched. Take another backup: vya-backupdb list shows them.",
            )
        if seen.dialect is None or seen.facts is None:
            raise AssertionError("examined without a fault and without facts")
        if seen.dialect.family != family:
            raise Refused(
                f"{self.request.file} is a dump of {seen.dialect.family}, "
                f"instance {instance.label} is {instance.dbms}",
                hint="Name an instance of the dump's engine with --instance.",
            )
        self.warnings.extend(
            f"{check.name}: {check.detail}"
            for check in seen.checks
            if check.ok is None and (check.name != "manifest" or seen.manifest is not None)
        )
        return _Whole(seen, seen.dialect, seen.facts)

    def _agreed(self, seen: _Whole, target: str) -> None:
        if self.request.force:
            return
        look = seen.examination
        replacement = Replacement(look.path.name, look.size, look.taken, seen.facts.rows, look.source, target)
        if not self.confirm(replacement):
            raise TargetExists(
                f"database {target!r} exists on instance {self.request.instance.label}",
                hint="Give another --target, or --force to replace it.",
            )

    def _load(self, server: Server, seen: _Whole, target: str, *, replaced: bool) -> None:
        """Makes the database and fills it; what fails leaves no database that this made."""
        if replaced:
            server.drop(target)
        like = next((d for d in seen.examination.databases if d.name == seen.examination.source), None)
        self.warnings.extend(server.create(target, like))
        try:
            with self._rewritten(server, seen, target) as pieces:
                server.load(target, pieces, complete=True)
        except BaseException:
            self._dropped(target)
            raise

    def _dropped(self, target: str) -> None:
        """Takes back what this restore made, over a connection of its own: the other may be lost."""
        instance = self.request.instance
        try:
            with closing(ENGINES[instance.dbms].connect(instance)) as server:
                if server.exists(target):
                    server.drop(target)
        except BackupError as exc:
            self.progress.note(f"the unfinished database {target!r} could not be dropped: {exc.message}")

    def _read_only(self, server: Server, seen: _Whole, target: str) -> None:
        with self._rewritten(server, seen, target) as pieces:
            for _ in pieces:
                pass

    @contextmanager
    def _rewritten(self, server: Server, seen: _Whole, target: str) -> Iterator[Iterator[Piece]]:
        """What the target is to get, read and cut in a thread of its own."""
        look, dialect = seen.examination, seen.dialect
        rewriter = dialect.rewriter(look.source, server.target(target), self.changes)
        with (
            self.progress.step(f"restoring {target}", total=look.size) as step,
            opened_as_sql(look.path, self.request.instance.tools, lambda b: step.advance(len(b))) as blocks,
            apart(_by_block(blocks, dialect, look.source)) as batches,
        ):
            yield rewriter.rewrite(chain.from_iterable(batches))

    def _report(
        self, seen: _Whole, target: str, comparison: Comparison | None, *, replaced: bool
    ) -> RestoreReport:
        look = seen.examination
        return RestoreReport(
            file=look.path,
            instance=self.request.instance,
            source=look.source,
            target=target,
            replaced=replaced,
            dry_run=self.request.dry_run,
            facts=seen.facts,
            manifest=look.manifest,
            changes=self.changes,
            comparison=comparison,
            warnings=tuple(dict.fromkeys([*self.warnings, *self.changes.warnings])),
            seconds=self.seconds,
        )

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        begun = monotonic()
        try:
            yield
        finally:
            self.seconds[name] = monotonic() - begun


@dataclass(frozen=True, slots=True)
class _Whole:
    """An artifact that passed all its checks."""

    examination: Examination
    dialect: Dialect
    facts: Facts


def _by_block(blocks: Iterable[bytes], dialect: Dialect, source: str | None) -> Iterator[list[Piece]]:
    """The chosen database's pieces, those of one block together: a queue's place costs more than a piece."""
    lexer, selector = dialect.lexer(), dialect.selector(source)
    for block in blocks:
        yield list(selector.select(lexer.feed(block)))
    yield list(selector.select(lexer.finish()))


def _default_target(seen: _Whole) -> str:
    look = seen.examination
    name = parse_name(look.path.name)
    target = look.source or (name.database if name is not None else None)
    if target is None:
        raise UsageError(
            f"neither {look.path.name} nor its dump says which database it is of",
            hint="Name the database to restore into with --target NAME.",
        )
    return target
