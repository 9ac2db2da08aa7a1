"""A restore from parts that keeps what it loaded when it is cut, and goes on with what an earlier run kept.

The database beside the target says in itself which parts are in, and what it is being filled from. Before a
run goes on with it, the rows of those parts are counted: what is not just that is dropped, and all is loaded
anew. Whatever is kept of another artifact, or was made by other options, is refused, and stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from python_backup import __version__
from python_backup.dump.choices import Choices
from python_backup.engines.engine import Server
from python_backup.engines.parts import Record
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactError, FactsDiffer, Refused, UnsafeDump, UsageError
from python_backup.instance import Instance
from python_backup.jobs.examine import Examination
from python_backup.jobs.in_place import resume
from python_backup.jobs.parts.filling import key
from python_backup.model import Format, Manifest, Part, PartKind
from python_backup.policy.beside import RESTORING, is_beside_of

_NEVER_KEPT = (ArtifactError, FactsDiffer, UnsafeDump)
"""What tells that the rows that are in may be wrong."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An unfinished database to go on with, and a sentence that says how far it is."""

    database: str
    told: str


def refuse_unkept(seen: Examination, *, chosen: bool, in_place: bool | None) -> None:
    """Asked before anything is made; ``chosen``: only a part of the dump is wanted.

    Raises:
        UsageError: such a restore cannot be resumed; the message says why.
    """
    hint = "Leave out --resume: a restore that fails leaves nothing, and is run again from its beginning."
    if seen.format is not Format.PARTS:
        raise UsageError(
            f"--resume is for backups in parts, and {seen.path.name} is a single {seen.format} dump",
            hint=hint,
        )
    if seen.manifest is None or not seen.manifest.parts:
        raise UsageError(f"--resume needs the manifest of {seen.path.name}, which counts each part's rows")
    if chosen:
        raise UsageError("--resume is for whole backups, not for chosen tables", hint=hint)
    if in_place:
        raise UsageError("--resume is for a database that is filled beside the target", hint=hint)


def kept_as(seen: Examination, choices: Choices) -> str:
    """What tells this restore from others: the artifact's sum, and one of all that decides what is made."""
    if seen.stored is None:
        raise AssertionError("kept without having been examined")
    how = repr((__version__, seen.source, choices))
    return f"{seen.stored.hexdigest()} {hashlib.sha256(how.encode('utf-8', 'surrogateescape')).hexdigest()}"


def find(server: Server, instance: Instance, target: str, seen: Examination, of: str) -> Iterator[Kept | str]:
    """The unfinished database to go on with, if there is one; sentences of those that were dropped before it.

    Raises:
        Refused: one is kept of another artifact, or was made by other options.
    """
    if seen.manifest is None:
        raise AssertionError("kept without a manifest")
    fits = ENGINES[instance.dbms].fits
    names = [name for name in server.databases() if is_beside_of(target, name, RESTORING, fits)]
    for name in sorted(names, reverse=True):
        keeping = server.keeping(name)
        keeping.alone()
        record = keeping.record()
        if record is not None and record.of != of:
            raise _other(name, target, instance, same=record.of.partition(" ")[0] == of.partition(" ")[0])
        wrong = "it has no rows yet" if record is None else _wrong(server, name, record, seen)
        if record is not None and wrong is None:
            yield Kept(name, _told(name, record, seen))
            return
        server.drop(name)
        yield f"{name} was dropped, and everything is loaded anew: {wrong}"


def stays(server: Server, fresh: str, target: str, instance: Instance, failed: BaseException) -> str | None:
    """Whether what was loaded is kept: says in a sentence how to go on; None where it is to be dropped."""
    if isinstance(failed, _NEVER_KEPT) or not server.exists(fresh):
        return None
    record = server.keeping(fresh).record()
    if record is None:
        return None
    loaded = sum(done.whole for done in record.files.values())
    return (
        f"{fresh} is kept, with {loaded} whole part{'' if loaded == 1 else 's'} loaded:"
        " the same command goes on with it;"
        f" to drop it: {resume(target, instance)}"
    )


def _other(name: str, target: str, instance: Instance, *, same: bool) -> Refused:
    what = "by other options, or another version of this program" if same else "from another artifact"
    return Refused(
        f"{name} is kept of a restore {what}: it cannot be resumed with this one",
        hint=f"Resume that one, or drop what it kept: {resume(target, instance)}",
    )


def _told(name: str, record: Record, seen: Examination) -> str:
    parts = _rows_parts(seen.manifest)
    loaded = [part for part in parts if record.done(key(seen.path / part.file, seen.path)).whole]
    rows = sum(part.rows or 0 for part in loaded)
    return f"goes on with {name}: {len(loaded)} of {len(parts)} parts are in, with {rows:,} rows, counted"


def _rows_parts(manifest: Manifest | None) -> list[Part]:
    return [part for part in manifest.parts if part.kind is PartKind.DATA] if manifest is not None else []


def _wrong(server: Server, name: str, record: Record, seen: Examination) -> str | None:
    """In what the rows are not those of the parts that are in."""
    counts = dict(server.counts(name))
    expected: dict[str, int] = {}
    unsure: set[str] = set()
    for part in _rows_parts(seen.manifest):
        done = record.done(key(seen.path / part.file, seen.path))
        expected[part.table] = expected.get(part.table, 0) + (part.rows or 0 if done.whole else 0)
        if part.rows is None or (done.line and not done.whole):
            unsure.add(part.table)
    own = {table: counts.pop(table, 0) for table in expected if table}
    found = {**own, "": sum(counts.values())}
    for table, rows in found.items():
        if table not in unsure and rows != expected.get(table, 0):
            what = f"table {table} has" if table else "the small tables have"
            return f"{what} {rows:,} rows, where {expected.get(table, 0):,} were loaded"
    return None
