"""Drilling: an artifact is restored into a throw-away server, dumped again, and found the same, or not.

The second dump is thrown away as it passes: the facts of both are compared, table by table. So a
verdict needs no production server, and says of every table what was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from python_backup.dump.choices import Choices
from python_backup.dump.dialect import Dialect, Header
from python_backup.dump.piece import Piece
from python_backup.dump.unordered import UnorderedDigests
from python_backup.engines.program import ServerProgram
from python_backup.engines.scratch import choose_program, scratch_server
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactError, BackupError, Refused, StatementFailed, UsageError
from python_backup.jobs.checks import CheckAnswered, DrillCheck, answered
from python_backup.jobs.compare import ObjectsCompared, compare_made, compare_sequences
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import opened_as_sql, peek
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import FactsMeter
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.log.tell import timed
from python_backup.model import Dbms, Facts, Instance, Manifest, TableFacts, Tools
from python_backup.storage.folder import manifest_of
from python_backup.storage.names import parse_name
from python_backup.storage.proofs import Equality, Verdict
from python_backup.stream.apart import apart
from python_backup.stream.stage import Stage, through

TARGET = "drill"
"""The database that is restored into where neither the dump nor the file says its name."""

_OWNERS = {Dbms.POSTGRESQL: "postgres"}


@dataclass(frozen=True, slots=True)
class TableProof:
    """One table: its rows in the backup and as restored; ``size`` is its data's bytes in the dump."""

    table: str
    expected: int | None
    found: int | None
    size: int
    equality: Equality


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """What to drill. ``programs`` are folders whose server programs go before the machine's others."""

    file: Path
    source: str | None = None
    programs: tuple[Path, ...] = ()
    checks: tuple[DrillCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What one drill showed; ``reason`` says why it is not proven.

    ``server`` is the throw-away server, ``mariadb 10.11.19``. ``seconds`` has the time of each step:
    ``start``, those of the restore, ``dump`` and ``check``. ``bad_tables`` are those of which too
    little was shown.
    """

    file: Path
    started: datetime
    verdict: Verdict
    reason: str | None = None
    hint: str | None = None
    database: str | None = None
    server: str | None = None
    tables: tuple[TableProof, ...] = ()
    objects: tuple[ObjectsCompared, ...] = ()
    differences: tuple[str, ...] = ()
    checks: tuple[CheckAnswered, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    bad_tables: frozenset[str] = frozenset()


def drill(request: DrillRequest, progress: Progress, now: Callable[[], datetime]) -> DrillReport:
    """Drills one artifact; what goes wrong is a verdict. Nothing is left running or on disk.

    Raises:
        UsageError: the dump holds several databases, and ``source`` names none of them.
    """
    return _Drill(request, progress, now, now()).run()


@dataclass(frozen=True, slots=True)
class _Drill:
    """One drill under way."""

    request: DrillRequest
    progress: Progress
    now: Callable[[], datetime]
    started: datetime
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> DrillReport:
        """All steps in their order."""
        program: ServerProgram | None = None
        try:
            header = peek(self.request.file, Tools())
            program = self._program(header)
            with self._server(program) as instance:
                report = self._restored(instance)
                meter = FactsMeter(ENGINES[instance.dbms].dialect, report.target)
                self._dumped(instance, report.target, meter)
                tables = tuple(_proofs(report.facts, meter.counter.result()))
                tables = tuple(self._in_any_order(instance, report, tables))
                proof = self._proof(report, (tables, meter.counter.result()), program, header)
                return self._asked(instance, report, proof)
        except UsageError:
            raise
        except (ArtifactError, StatementFailed, Refused) as exc:
            return self._unproven(Verdict.FAILED, exc, program)
        except BackupError as exc:
            return self._unproven(Verdict.ERROR, exc, program)

    def _program(self, header: Header | None) -> ServerProgram:
        """The server program that is closest to the one that was dumped."""
        manifest = manifest_of(self.request.file)
        version = manifest.server_version if manifest else header.server_version if header else None
        if manifest is not None:
            dbms = manifest.dbms
        else:
            dbms = _dbms(header.family if header else "postgresql", version)
        return choose_program(ENGINES[dbms].programs(self.request.programs), (dbms, _number(version)))

    @contextmanager
    def _server(self, program: ServerProgram) -> Iterator[Instance]:
        with timed("start", self.seconds), self.progress.step(f"starting {program}"):
            starting = scratch_server(ENGINES[program.dbms], program)
            instance = starting.__enter__()
        try:
            yield instance
        finally:
            starting.__exit__(None, None, None)

    def _restored(self, instance: Instance) -> RestoreReport:
        """Definers, events and names stay as dumped, so that the second dump can be the same."""
        file = self.request.file
        name = parse_name(file.name)
        manifest = manifest_of(file)
        choices = Choices(definer="keep", events="keep", owner=_OWNERS.get(instance.dbms), no_acl=True)
        request = RestoreRequest(
            file, instance, source=self.request.source, force=True, verify=False, choices=choices,
            target=None if manifest or name else TARGET,
        )  # fmt: skip
        report = restore(request, lambda _: True, self.progress, self.now)
        self.seconds.update(report.seconds)
        return report

    def _dumped(self, instance: Instance, database: str, meter: Stage) -> None:
        """Dumps again, by the same code that took the first dump; nothing of it is kept."""
        with (
            timed("dump", self.seconds),
            connected(instance) as server,
            server.plan_dump(database, instance.limits).start() as dump,
            self.progress.step(f"dumping {database} again") as step,
            apart(dump.blocks) as blocks,
        ):
            for block in through(blocks, meter):
                step.advance(len(block))

    def _in_any_order(
        self, instance: Instance, report: RestoreReport, tables: tuple[TableProof, ...]
    ) -> Iterator[TableProof]:
        """Looks once more at tables of as many rows that are not identical: the order may be another."""
        unsure = frozenset(table.table for table in tables if table.equality is Equality.SAME_COUNT)
        if not unsure:
            yield from tables
            return
        dialect = ENGINES[instance.dbms].dialect
        before, after = (_Unordered(dialect, source, unsure) for source in (report.source, report.target))
        with opened_as_sql(self.request.file, instance.tools) as blocks:
            for _ in through(blocks, before):
                pass
        self._dumped(instance, report.target, after)
        old, new = before.digests.result(), after.digests.result()
        for table in tables:
            same = table.table in unsure and old.get(table.table) == new.get(table.table)
            yield replace(table, equality=Equality.SAME_ROWS) if same else table

    def _proof(
        self,
        report: RestoreReport,
        found: tuple[tuple[TableProof, ...], Facts],
        program: ServerProgram,
        header: Header | None,
    ) -> DrillReport:
        tables, facts = found
        enough = _enough(report.manifest, program)
        named = header is not None and header.tool is not None
        alike = Equality.SAME_COUNT not in enough
        objects = compare_made(report.facts, facts, named=named, alike=alike)
        differences = compare_sequences(report.facts.sequences, facts.sequences)
        bad = tuple(table for table in tables if table.equality not in enough)
        reasons = [
            *(f"table {table.table}: {_said(table)}" for table in bad),
            *(f"{o.kind}: {_missing(o)}" for o in objects if not o.equal),
            *differences,
        ]
        return DrillReport(
            self.request.file,
            self.started,
            Verdict.FAILED if reasons else Verdict.PROVEN,
            "; ".join(reasons) or None,
            database=report.target,
            server=str(program),
            tables=tables,
            objects=objects,
            differences=differences,
            warnings=report.warnings,
            seconds=self.seconds,
            bad_tables=frozenset(table.table for table in bad),
        )

    def _asked(self, instance: Instance, report: RestoreReport, proof: DrillReport) -> DrillReport:
        """The proof with the answers to one's own questions, the first that is not as expected a reason."""
        if not self.request.checks:
            return proof
        with timed("check", self.seconds), connected(instance) as server:
            checks = tuple(answered(server, report.target, report.source, self.request.checks))
        reasons = [f"check {c.sql!r}: expected {c.expected}, found {c.found}" for c in checks if not c.ok]
        if not reasons:
            return replace(proof, checks=checks)
        reason = "; ".join([*([proof.reason] if proof.reason else []), *reasons])
        return replace(proof, checks=checks, verdict=Verdict.FAILED, reason=reason)

    def _unproven(self, verdict: Verdict, exc: BackupError, program: ServerProgram | None) -> DrillReport:
        server = None if program is None else str(program)
        return DrillReport(
            self.request.file,
            self.started,
            verdict,
            exc.message,
            exc.hint,
            server=server,
            seconds=self.seconds,
        )


class _Unordered:
    """A stage that digests some tables' rows in any order; ``source`` is the database, as in `Selector`."""

    def __init__(self, dialect: Dialect, source: str | None, tables: frozenset[str]) -> None:
        self.digests = UnorderedDigests(tables)
        self._lexer, self._selector = dialect.lexer(), dialect.selector(source)

    def feed(self, block: bytes) -> tuple[bytes]:
        self._take(self._lexer.feed(block))
        return (block,)

    def finish(self) -> tuple[()]:
        self._take(self._lexer.finish())
        return ()

    def _take(self, pieces: Iterator[Piece]) -> None:
        for piece in self._selector.select(pieces):
            self.digests.take(piece)


def _enough(manifest: Manifest | None, program: ServerProgram) -> frozenset[Equality]:
    """What must be shown of every table.

    A dump that another program wrote, or that a server of another version is to write again, may
    write the same rows otherwise: then they are counted.
    """
    if manifest is not None and _number(manifest.server_version)[: len(program.number)] == program.number:
        return frozenset({Equality.IDENTICAL, Equality.SAME_ROWS})
    return frozenset(Equality) - {Equality.DIFFERS}


def _number(version: str | None) -> tuple[int, ...]:
    """What matters of a server's version: ``10.11.19-MariaDB`` is (10, 11)."""
    return tuple(int(part) for part in re.findall(r"\d+", version or "")[:2])


def _dbms(family: str, version: str | None) -> Dbms:
    if family == "postgresql":
        return Dbms.POSTGRESQL
    return Dbms.MARIADB if "mariadb" in (version or "").lower() else Dbms.MYSQL


def _proofs(expected: Facts, found: Facts) -> Iterator[TableProof]:
    """Every table of either side, sorted."""
    before = {table.name: table for table in expected.tables}
    after = {table.name: table for table in found.tables}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        yield TableProof(
            name,
            old.rows if old else None,
            new.rows if new else None,
            old.size if old else 0,
            _equality(old, new),
        )


def _equality(old: TableFacts | None, new: TableFacts | None) -> Equality:
    if old is None or new is None or old.rows != new.rows:
        return Equality.DIFFERS
    return Equality.IDENTICAL if old.digest == new.digest else Equality.SAME_COUNT


def _said(table: TableProof) -> str:
    if table.equality is Equality.SAME_COUNT:
        return f"the rows are as many ({table.expected}), but not the same"
    return f"{table.expected} rows in the backup, {table.found} restored"


def _missing(kind: ObjectsCompared) -> str:
    lists = (
        ("lacks", kind.missing),
        ("has besides", kind.unexpected),
        ("has by other statements", kind.changed),
    )
    return ", ".join(f"{word} {', '.join(names)}" for word, names in lists if names)
