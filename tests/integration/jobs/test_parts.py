"""A backup in parts: one snapshot, the facts of a single file, and a dump that every command reads."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.engines.postgresql import parts
from python_backup.errors import ArtifactCorrupt, UnsafeDump, UsageError
from python_backup.instance import Instance, Limits
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import Examiner
from python_backup.jobs.fingerprint import take_fingerprint
from python_backup.jobs.parts.choosing import Parting
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.results import DatabaseResult
from python_backup.jobs.verify import verify_artifact
from python_backup.model import Facts, Format, Manifest, PartKind, Parts, Scope
from python_backup.storage.folder import backups
from python_backup.stream.artifact import read_artifact
from support import databases
from support.jobs import backed_up, facts
from support.servers import RunningServer, instance_for
from support.silence import Silence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NEWLINE = b"\n"
Name = Callable[..., str]
ROWS = 4000
HOLES = "DELETE FROM plain WHERE id BETWEEN 500 AND 3500"
SCHEMA = (
    'CREATE SCHEMA "Od d"',
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE TABLE plain (id int PRIMARY KEY, t text, m mood, b bytea)",
    (
        f"INSERT INTO plain SELECT i, repeat(md5(i::text), 3) || E'\\\\t\\n\\\\\\\\.', 'ok', '\\\\x00ff'"
        f" FROM generate_series(1, {ROWS}) i"
    ),
    (
        'CREATE TABLE "Od d"."Ta""b.le" ("Se lect" serial PRIMARY KEY, f float8, gone int, t timestamptz,'
        " g int GENERATED ALWAYS AS (1) STORED)"
    ),
    'ALTER TABLE "Od d"."Ta""b.le" DROP gone',
    (
        'INSERT INTO "Od d"."Ta""b.le" (f, t) SELECT i / 3.0, now() + i * interval \'1 day\''
        f" FROM generate_series(1, {ROWS}) i"
    ),
    'ALTER TABLE "Od d"."Ta""b.le" ADD FOREIGN KEY ("Se lect") REFERENCES plain',
    "CREATE TABLE split (id int, t text) PARTITION BY RANGE (id)",
    "CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (2000)",
    "CREATE TABLE split_2 PARTITION OF split DEFAULT",
    f"INSERT INTO split SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i",
    "CREATE TABLE parent (id int); CREATE TABLE child (a int) INHERITS (parent)",
    f"INSERT INTO parent SELECT generate_series(1, {ROWS})",
    f"INSERT INTO child SELECT i, -i FROM generate_series(1, {ROWS}) i",
    "CREATE TABLE tiny (id int GENERATED ALWAYS AS IDENTITY, t text); INSERT INTO tiny (t) VALUES ('x')",
    "CREATE TABLE hollow ()",
    "CREATE TABLE empty (id int)",
    "CREATE SEQUENCE counted; SELECT setval('counted', 77)",
    "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM plain",
    "CREATE INDEX ON plain (t)",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER told AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION f()",
    "SELECT lo_from_bytea(0, 'large')",
    "COMMENT ON TABLE plain IS 'a table'",
    """DO $$ BEGIN CREATE TABLE marked AS SELECT ('<a><?b ' || i || '?></a>')::xml x FROM generate_series(1, 4000) i;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$""",
)


def in_parts(
    instance: Instance, database: str, folder: Path, jobs: int = 2, lock: Scope = Scope.INSTANCE
) -> DatabaseResult:
    """A backup in parts, good or bad."""
    parting = Parting(jobs, Parts.ALWAYS, lock=lock)
    request = BackupRequest((instance,), (database,), folder, Format.ZSTD, parts=parting)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    return result


def good(result: DatabaseResult) -> tuple[Path, Manifest]:
    """Its folder and manifest; raises what failed it."""
    if result.error is not None:
        raise result.error
    assert result.path is not None
    assert result.manifest is not None
    assert not result.manifest.partial, result.manifest.errors
    return result.path, result.manifest


def _unordered(found: Facts) -> object:
    """The facts without the digests of rows, whose order is free where parts of a table are loaded at once."""
    tables = [(table.name, table.rows, table.size) for table in found.tables]
    return tables, found.objects, found.sequences, found.statements


@pytest.fixture
def filled(postgresql_server: RunningServer, new_database: Name) -> str:
    """A database of all that may go wrong."""
    name = new_database(postgresql_server, "parts 'n\" pieces")
    databases.execute(postgresql_server, name, *SCHEMA)
    return name


def test_its_facts_are_those_of_a_single_file(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path, jobs=3))
    assert facts(backed_up(instance, filled, tmp_path)) == manifest.facts
    own = [part for part in manifest.parts if part.table]
    assert {part.table for part in own} >= {
        "public.plain",
        '"Od d"."Ta""b.le"',
        "public.split_1",
        "public.child",
    }
    assert all(part.rows == ROWS for part in own if part.table == "public.plain")
    kinds = [part.kind for part in manifest.parts]
    assert kinds == [PartKind.BEFORE, *[PartKind.DATA] * (len(kinds) - 2), PartKind.AFTER]
    assert sum(part.rows or 0 for part in manifest.parts) == manifest.facts.rows
    assert sorted(file.name for file in path.iterdir()) == [
        "RESTORE.txt", "SHA256SUMS", "after.sql.zst", "before.sql.zst", "data", "manifest.json"
    ]  # fmt: skip
    assert oct(path.stat().st_mode & 0o777) == "0o700"
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=path, check=True)
    report = verify_artifact(path, Silence(), deep=True)
    assert report.good, report.checks


def test_it_is_restored_as_any_other(postgresql_server: RunningServer, filled: str, tmp_path: Path) -> None:
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path))
    for jobs in (1, 3):
        request = RestoreRequest(path, instance, filled, force=True, jobs=jobs)
        report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
        assert report.equal, report.comparison
        again = facts(backed_up(instance, filled, tmp_path))
        assert _unordered(again) == _unordered(manifest.facts)
        if jobs > 1 and postgresql_server.major >= (14,):  # before, COPY FREEZE left the map to VACUUM
            maps = "SELECT pg_relation_size('plain', 'vm') > 0, pg_relation_size('tiny', 'vm') > 0"
            assert databases.rows(postgresql_server, filled, maps) == [(True, True)]


def test_a_table_in_ranges_has_the_digest_of_the_whole(
    postgresql_server: RunningServer, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "RANGE", 64 << 10)
    instance = instance_for(postgresql_server)
    databases.execute(postgresql_server, filled, 'TRUNCATE "Od d"."Ta""b.le"', HOLES)
    _, manifest = good(in_parts(instance, filled, tmp_path, jobs=4))
    ranges = [part.range for part in manifest.parts if part.table == "public.plain"]
    assert (len(ranges) > 8) is (postgresql_server.major >= (14,)), ranges
    assert facts(backed_up(instance, filled, tmp_path)) == manifest.facts


def test_stock_tools_restore_it_with_the_three_commands(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path))
    told = (path / "RESTORE.txt").read_text()
    commands = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    assert len(commands) == 3
    databases.execute(postgresql_server, filled, "DROP TABLE plain CASCADE")
    server = postgresql_server
    environment = {
        **os.environ,
        "PATH": f"{server.bin}:{os.environ['PATH']}",
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.superuser,
        "PGPASSWORD": server.password,
    }
    for command in commands:
        subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=path, check=True, env=environment)
    assert facts(backed_up(instance, filled, tmp_path)) == manifest.facts


def test_all_parts_are_of_one_moment(
    postgresql_server: RunningServer, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "RANGE", 64 << 10)
    stopped = threading.Event()

    def move() -> None:
        """Takes rows from one table to another: together they have always the same number."""
        while not stopped.is_set():
            databases.execute(
                postgresql_server,
                filled,
                "WITH gone AS (DELETE FROM parent WHERE id IN (SELECT id FROM ONLY parent LIMIT 40) RETURNING id)"
                " INSERT INTO child SELECT id FROM gone",
            )

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(3):
            _, manifest = good(in_parts(instance_for(postgresql_server), filled, tmp_path, jobs=3))
            rows = {table.name: table.rows or 0 for table in manifest.facts.tables}
            assert rows["public.parent"] + rows["public.child"] == 2 * ROWS
    finally:
        stopped.set()
        mover.join()


def test_partitions_by_a_hash_of_enums_come_back_where_the_enum_is_another(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name, target = (new_database(postgresql_server, word) for word in ("hashed", "again"))
    databases.execute(
        postgresql_server,
        name,
        "CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')",
        "CREATE TABLE split (m mood, t text) PARTITION BY HASH (m)",
        "CREATE TABLE split_0 PARTITION OF split FOR VALUES WITH (modulus 2, remainder 0)",
        "CREATE TABLE split_1 PARTITION OF split FOR VALUES WITH (modulus 2, remainder 1) PARTITION BY LIST (t)",
        "CREATE TABLE split_1_all PARTITION OF split_1 DEFAULT",
        "INSERT INTO split SELECT (enum_range(null::mood))[1 + i % 8], repeat('x', 100)"
        f" FROM generate_series(1, {ROWS}) i",
    )
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, name, tmp_path))
    assert manifest.facts.rows == ROWS
    for jobs in (1, 2):
        request = RestoreRequest(path, instance, target, force=True, jobs=jobs)
        report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
        assert report.equal, report.comparison
        moods = "SELECT m::text, count(*) FROM split GROUP BY m ORDER BY m"
        assert databases.rows(postgresql_server, target, moods) == [(m, ROWS // 8) for m in "abcdefgh"]


def test_partitions_beside_a_hash_of_enums_are_counted_as_their_own(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(postgresql_server, "sorted")
    databases.execute(
        postgresql_server,
        name,
        "CREATE TYPE mood AS ENUM ('a', 'b')",
        "CREATE TABLE split (t text, m mood) PARTITION BY LIST (t)",
        "CREATE TABLE plain PARTITION OF split FOR VALUES IN ('plain')",
        "CREATE TABLE hashed PARTITION OF split DEFAULT PARTITION BY HASH (m)",
        "CREATE TABLE hashed_all PARTITION OF hashed FOR VALUES WITH (modulus 1, remainder 0)",
        "INSERT INTO split VALUES ('plain', 'a'), ('plain', 'b'), ('x', 'a')",
    )
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, name, tmp_path))
    assert {t.name: t.rows for t in manifest.facts.tables if t.rows} == {
        "public.plain": 2, "public.split": 1,
    }  # fmt: skip
    request = RestoreRequest(path, instance, name, force=True)
    report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
    assert report.equal, report.comparison


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_partition_below_a_hash_of_enums_is_not_restored_empty_without_its_root(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path, jobs: int
) -> None:
    name = new_database(postgresql_server, "rooted")
    target = new_database(postgresql_server, "alone", create=False)
    databases.execute(
        postgresql_server,
        name,
        "CREATE TYPE mood AS ENUM ('a', 'b')",
        "CREATE TABLE split (m mood) PARTITION BY HASH (m)",
        "CREATE TABLE split_all PARTITION OF split FOR VALUES WITH (modulus 1, remainder 0)",
        "INSERT INTO split VALUES ('a'), ('b')",
    )
    instance = instance_for(postgresql_server)
    path = (
        backed_up(instance, name, tmp_path).path if jobs == 1 else good(in_parts(instance, name, tmp_path))[0]
    )
    assert path is not None
    request = RestoreRequest(path, instance, target, jobs=jobs, pick=Pick(("split_all",)))
    with pytest.raises(
        UsageError, match=r"rows of public\.split_all stand with public\.split, which is not picked"
    ):
        restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
    assert target not in databases.names(postgresql_server)
    report = restore(
        replace(request, pick=Pick(("split", "split_all"))),
        lambda _: False,
        Silence(),
        lambda: datetime.now(UTC),
    )
    assert report.equal, report.comparison
    assert databases.rows(postgresql_server, target, "SELECT count(*) FROM split_all") == [(2,)]


def test_what_takes_too_long_leaves_nothing(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = replace(instance_for(postgresql_server), limits=Limits(timeout=0.01))
    result = in_parts(instance, filled, tmp_path)
    assert result.error is not None
    assert list(tmp_path.glob("*postgresql*")) == []


def test_a_table_that_is_locked_fails_it_in_time(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = replace(instance_for(postgresql_server), limits=Limits(lock=0.3))
    with closing(databases.connection(postgresql_server, filled)) as other:
        other.execute("BEGIN; LOCK TABLE plain")
        result = in_parts(instance, filled, tmp_path)
    assert result.error is not None
    assert "lock timeout" in result.error.message
    assert list(tmp_path.glob("*postgresql*")) == []


def test_a_hostile_part_is_refused_by_its_name_and_line(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path))
    part = next(part for part in manifest.parts if part.table == "public.plain")
    sql = b"".join(read_artifact(path / part.file))
    (path / part.file).write_bytes(zstd.compress(b"\n" + sql + b"\\! touch /tmp/owned\n"))
    sums = [(one, hashlib.sha256((path / one.file).read_bytes()).hexdigest()) for one in manifest.parts]
    lines = "".join(f"{found}  {one.file}\n" for one, found in sums)
    (path / "SHA256SUMS").write_text(lines)
    (path / "manifest.json").unlink()
    request = RestoreRequest(path, instance, filled, force=True, jobs=2)
    place = re.escape(f"{part.file}, line {sql.count(NEWLINE) + 2}: the psql command")
    with pytest.raises(UnsafeDump, match=place):
        restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))


ADDED = "data/99999_more.sql.zst"


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_a_part_that_is_not_as_written_is_found(
    postgresql_server: RunningServer, filled: str, tmp_path: Path, damage: str
) -> None:
    path, manifest = good(in_parts(instance_for(postgresql_server), filled, tmp_path))
    file = path / manifest.parts[2].file
    if damage == "missing":
        file.unlink()
    elif damage == "changed":
        stored = bytearray(file.read_bytes())
        stored[len(stored) // 2] ^= 1
        file.write_bytes(stored)
    else:
        (path / ADDED).write_bytes(zstd.compress(b"SELECT 1;\n"))
    report = verify_artifact(path, Silence())
    [(ok, told)] = [(check.ok, check.detail) for check in report.checks if check.name == "checksum"]
    assert not ok
    part = manifest.parts[2].file
    wrong = {
        "changed": f"{part} has other bytes",
        "missing": f"{part} is missing",
        "added": f"{ADDED} is there besides",
    }
    assert told.endswith(f"manifest.json says {manifest.artifact.sha256}; {wrong[damage]}"), told


def test_a_folder_that_was_copied_in_part_is_not_restored(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = instance_for(postgresql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path))
    for name in ("manifest.json", "SHA256SUMS", manifest.parts[-2].file):
        (path / name).unlink()
    request = RestoreRequest(path, instance, filled, force=True, jobs=2)
    with pytest.raises(ArtifactCorrupt, match=r"has neither manifest\.json nor SHA256SUMS"):
        restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
    report = verify_artifact(path, Silence())
    assert not report.good


def test_it_is_listed_and_has_a_fingerprint(
    postgresql_server: RunningServer, filled: str, tmp_path: Path
) -> None:
    instance = instance_for(postgresql_server)
    path, _ = good(in_parts(instance, filled, tmp_path))
    with connected(instance) as server:
        found = take_fingerprint(Examiner(Silence()).examine(path), server, filled)
    assert found.artifact.size == sum(file.stat().st_size for file in path.rglob("*.zst"))
    assert [backup.path for backup in backups(tmp_path)] == [path]
