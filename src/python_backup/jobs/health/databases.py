"""What each database of an instance needs, one check for each; those that are well are told together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from python_backup.dump.needs import Needs
from python_backup.engines.engine import Wanted
from python_backup.engines.finding import Severity
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError
from python_backup.jobs.health.instance import Patient
from python_backup.jobs.in_place import resume
from python_backup.jobs.selection import select_databases
from python_backup.model import Check, Facts, Verdict
from python_backup.policy.beside import BEFORE, RESTORING, Replaced, beside, left_beside, no_longer_kept
from python_backup.storage.safety import all_marks, is_held

_CONTENTS = frozenset({"rows", "unlogged_tables"})
"""Kinds of lacks that checks of their own tell of."""

_SAID = 3


def chosen(patient: Patient) -> tuple[str, ...]:
    """The databases that a backup of the instance takes."""
    server = patient.server
    return select_databases(patient.instance, server.databases(), (), server.exists).databases


def rights(patient: Patient) -> Iterator[Check]:
    """Each right that a complete backup needs, by kinds of objects."""
    yield from _of_each(patient, "rights", _rights)


def _rights(patient: Patient, database: str) -> Iterator[Check]:
    for lack in patient.server.lacks(database):
        if lack.kind not in _CONTENTS:
            yield Check("rights", Verdict.FAILURE, lack.what, lack.remedy)


def restore_rights(patient: Patient) -> Iterator[Check]:
    """Each right that a restore in each database's place needs; a backup does without them."""
    yield from _of_each(patient, "restore rights", _restore_rights)


def _restore_rights(patient: Patient, database: str) -> Iterator[Check]:
    fits = ENGINES[patient.instance.dbms].fits
    names = (database, *(beside(database, mark, patient.now(), fits) for mark in (RESTORING, BEFORE)))
    objects = patient.server.objects(database)
    wanted = Wanted(database, names, True, None, None, Facts((), objects, {}), _needs(objects))  # noqa: FBT003
    for finding in patient.server.restore_problems(wanted):
        if finding.severity is Severity.BLOCKS:
            found = _NO_LINE.sub("", finding.text)
            yield Check("restore rights", Verdict.WARNING, found, finding.hint)


_NO_LINE = re.compile(r" \(line 0\)|, the first in line 0")
"""A dump's lines: there is no dump yet."""


def _needs(objects: Mapping[str, tuple[str, ...]]) -> Needs:
    """What the dump of these objects will ask of a server beside rights on databases."""
    superuser = dict.fromkeys((_SUPERUSER[kind] for kind in _SUPERUSER if objects.get(kind)), 0)
    kinds = {
        kind: dict.fromkeys(objects.get(kind, ()), 0) for kind in ("extensions", "functions", "triggers")
    }
    return Needs({"superuser": superuser, **kinds})


_SUPERUSER = {"event_triggers": "event triggers", "subscriptions": "subscriptions"}
"""Kinds of PostgreSQL's objects that a superuser alone makes, and what they are called."""


def contents(patient: Patient) -> Iterator[Check]:
    """What the engine says of each database's contents."""
    found: dict[str, list[Check]] = {}
    databases = chosen(patient)
    for database in databases:
        for check in patient.server.database_health(database):
            found.setdefault(check.name, []).append(replace(check, database=database))
    for checks in found.values():
        yield from _together(checks)


def replaced(patient: Patient) -> Iterator[Check]:
    """Databases that restores replaced and kept, and those that dead restores left."""
    now, databases = patient.now(), patient.server.databases()
    by_target: dict[str, list[Replaced]] = {}
    kept = 0
    for left in left_beside(databases):
        if left.mark == RESTORING:
            yield Check(
                "replaced databases", Verdict.WARNING,
                f"a restore of {left.at:%Y-%m-%d %H:%M} UTC fills it, or was killed amid that",
                f"DROP DATABASE {_named(patient, left.database)}", database=left.database,
            )  # fmt: skip
        else:
            kept += 1
            by_target.setdefault(left.target, []).append(Replaced(left.database, left.at))
    waiting = 0
    for them in by_target.values():
        for old in no_longer_kept(them, keep=patient.kept.count, days=patient.kept.days, now=now):
            waiting += 1
            yield Check(
                "replaced databases", Verdict.WARNING,
                f"replaced {old.at:%Y-%m-%d}, no longer kept; the next restore of its target drops it",
                f"DROP DATABASE {_named(patient, old.database)}", database=old.database,
            )  # fmt: skip
    if not waiting:
        yield Check("replaced databases", Verdict.OK, f"{kept} kept for rollback, none waits for removal")


def _named(patient: Patient, database: str) -> str:
    mark = '"' if patient.instance.dbms.value == "postgresql" else "`"
    return mark + database.replace(mark, mark * 2) + mark


def unfinished(patient: Patient) -> Iterator[Check]:
    """Restores that were killed, and that only `restore --resume-or-undo` ends."""
    server, instance = patient.server, patient.instance
    left: dict[str, str] = {}
    for mark in all_marks(patient.safety):
        if mark.instance == instance.id and not is_held(mark):
            left[mark.database] = f"a restore in place was killed; its safety backup is {mark.artifact}"
    for database in server.databases():
        if database not in left and (told := server.unfinished(database)) is not None:
            left[database] = told
    for database, told in left.items():
        hint = resume(database, instance)
        yield Check("unfinished restores", Verdict.FAILURE, told, hint, database=database)
    if not left:
        yield Check("unfinished restores", Verdict.OK, "none")


def ages(patient: Patient) -> Iterator[Check]:
    """The age of each database's latest backup; without a server, of each that has any."""
    known = None if patient.reached.server else tuple(sorted({b.database for b in patient.backups}))
    if known == ():
        yield Check("backup age", Verdict.SKIPPED, f"{patient.reached.steps[-1].name} failed")
        return
    yield from _of_each(patient, "backup age", _age, "none is too old", known)


def _age(patient: Patient, database: str) -> Iterator[Check]:
    most = patient.instance.max_age
    backups = [b for b in patient.backups if b.database == database and b.manifest]
    latest = next((b for b in backups if b.manifest and not b.manifest.suspect), None)
    command = f"vya-backupdb backup --instance {patient.instance.id}"
    if backups and backups[0] is not latest:
        found = f"the latest is suspect: {backups[0].path.name}"
        yield Check("backup age", Verdict.WARNING, found, "vya-backupdb list")
    if latest is None:
        if not backups:
            yield Check("backup age", Verdict.WARNING, "no backup yet", command)
        return
    age = patient.now() - latest.taken
    if most is not None and age > most:
        found = f"the latest is {span(age)} old, max_age is {span(most)}"
        yield Check("backup age", Verdict.FAILURE, found, command)


def span(time: timedelta) -> str:
    """A span of time: ``2 days``, ``26 hours``, ``5 minutes``."""
    for name, seconds, least in (("day", 86400, 2), ("hour", 3600, 1)):
        if time.total_seconds() >= seconds * least:
            count = int(time.total_seconds() / seconds)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{max(0, int(time.total_seconds() / 60))} minutes"


def _of_each(
    patient: Patient,
    name: str,
    ask: Callable[[Patient, str], Iterable[Check]],
    well: str = "nothing is missing",
    known: tuple[str, ...] | None = None,
) -> Iterator[Check]:
    """One check over all databases; where none has anything, one line says so."""
    databases = chosen(patient) if known is None else known
    good = 0
    for database in databases:
        try:
            found = tuple(ask(patient, database))
        except BackupError as exc:
            found = (Check(name, Verdict.WARNING, f"cannot be told: {exc.message}", exc.hint),)
        good += not found
        yield from (replace(check, database=database) for check in found)
    if good == len(databases):
        yield Check(name, Verdict.OK, f"{_counted(good)}: {well}" if databases else "there is no database")


def _counted(databases: int) -> str:
    return "1 database" if databases == 1 else f"{databases} databases"


def _together(checks: Sequence[Check]) -> Iterator[Check]:
    """The checks of one name: those that are not well, or one that says that all are."""
    ill = [check for check in checks if check.verdict is not Verdict.OK]
    yield from ill
    if not ill:
        said = tuple(dict.fromkeys(check.found for check in checks))
        yield replace(checks[0], found=f"{_counted(len(checks))}: {'; '.join(said[:_SAID])}", database=None)
