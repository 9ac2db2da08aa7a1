"""``restore --resume``: what was loaded of a backup in parts is kept when the run is cut, and gone on with."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_parts import good, in_parts
from python_backup.dump.choices import Choices
from python_backup.dump.pick import Pick
from python_backup.engines.mysql import shares
from python_backup.engines.mysql.keeping import MysqlKeeping
from python_backup.engines.postgresql import lanes, parts
from python_backup.engines.postgresql.keeping import PostgresKeeping
from python_backup.errors import ArtifactCorrupt, BackupError, Refused, StatementFailed, UsageError
from python_backup.instance import Instance, Retry
from python_backup.jobs.connected import connected
from python_backup.jobs.parts import filling
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rollback import settle
from python_backup.model import Facts, Manifest
from support import databases
from support.chance import SEED
from support.cli import Program
from support.jobs import backed_up, facts
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
ROWS = 8192
CUTS = 3
CHOICES = Choices(events="keep")

POSTGRESQL = (
    f"CREATE TABLE large AS SELECT i AS id, i % 97 AS n, repeat(md5(i::text), 8) AS t FROM generate_series(1, {ROWS}) i",
    "ALTER TABLE large ADD PRIMARY KEY (id)",
    "CREATE INDEX by_text ON large (t); CREATE INDEX by_number ON large (n)",
    "CREATE INDEX by_sum ON large ((id + n)); CREATE UNIQUE INDEX ON large (t, id)",
    "CREATE TABLE other AS SELECT i AS id, md5(i::text) AS t FROM generate_series(1, 3000) i",
    "ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES large",
    "CREATE TABLE tiny (id serial PRIMARY KEY, t text); INSERT INTO tiny (t) VALUES ('a'), ('b')",
    "CREATE TABLE told (t text)",
    "CREATE MATERIALIZED VIEW seen AS SELECT n, count(*) FROM large GROUP BY n",
    """CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.told VALUES ('row'); RETURN NEW; END$$""",
    "CREATE TRIGGER telling AFTER INSERT ON large FOR EACH ROW EXECUTE FUNCTION tell()",
    """CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.told VALUES (tg_tag); END$$""",
    "CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch()",
    "CREATE EVENT TRIGGER dropping ON sql_drop EXECUTE FUNCTION watch()",
    "ALTER EVENT TRIGGER dropping ENABLE ALWAYS",
    "DELETE FROM told",
    "SELECT lo_from_bytea(0, 'large'), lo_from_bytea(0, 'object')",
)
MYSQL = (
    "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, n INT, t TEXT, KEY (n), KEY (t(20)))",
    "INSERT INTO large (n, t) VALUES (1, REPEAT('a\\n\"', 60))",
    *["INSERT INTO large (n, t) SELECT id % 97, CONCAT(id, t) FROM large"] * 13,
    "ANALYZE TABLE large",
    "CREATE TABLE other (id INT, t TEXT, FOREIGN KEY (id) REFERENCES large (id))",
    "INSERT INTO other SELECT id, n FROM large LIMIT 3000",
    "CREATE TABLE told (t TEXT)",
    "CREATE VIEW seen AS SELECT n, COUNT(*) FROM large GROUP BY n",
    "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE TRIGGER telling AFTER INSERT ON large FOR EACH ROW INSERT INTO told VALUES ('row')",
    "CREATE TRIGGER again AFTER INSERT ON other FOR EACH ROW INSERT INTO told VALUES ('row')",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO INSERT INTO told VALUES ('event')",
)


@dataclass(frozen=True)
class Stage:
    """A backup in parts, and the name that it is to be restored under."""

    server: RunningServer
    instance: Instance
    path: Path
    manifest: Manifest
    target: str

    def request(self, **how: object) -> RestoreRequest:
        once = replace(self.instance, retry=Retry(attempts=1))
        return replace(
            RestoreRequest(self.path, once, self.target, resume=True, jobs=2, choices=CHOICES), **how
        )

    def restore(self, progress: Silence | None = None, **how: object) -> RestoreReport:
        request = self.request(**how)
        return restore(request, lambda _: False, progress or Silence(), lambda: datetime.now(UTC))

    def beside(self) -> list[str]:
        return [name for name in databases.names(self.server) if name.startswith(f"{self.target}__")]

    def contents(self, folder: Path) -> object:
        """What a backup of the target holds, but for the order of rows."""
        return _unordered(facts(backed_up(self.instance, self.target, folder)))


def _unordered(found: Facts) -> object:
    return [(t.name, t.rows) for t in found.tables], found.objects, found.sequences, found.statements


@pytest.fixture
def stage(dbms_server: RunningServer, new_database: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "RANGE", 128 << 10)
    monkeypatch.setattr(shares, "_SHARE", 128 << 10)
    source = new_database(dbms_server, "whole")
    databases.execute(dbms_server, source, *(POSTGRESQL if dbms_server.family == "postgresql" else MYSQL))
    instance = instance_for(dbms_server)
    path, manifest = good(in_parts(instance, source, tmp_path))
    assert len(manifest.parts) > 8
    one = Stage(dbms_server, instance, path, manifest, new_database(dbms_server, "cut", create=False))
    yield one
    for name in one.beside():
        databases.drop(dbms_server, name)


def _counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fails: Callable[[int, str], BaseException | None]
):
    """Counts the parts that are loaded; one may fail instead."""
    loaded: list[str] = []
    kind = PostgresKeeping if stage.server.family == "postgresql" else MysqlKeeping
    load = kind.load

    def counted(self, file, *args, **options):
        loaded.append(file)
        if (exc := fails(len(loaded), file)) is not None:
            raise exc
        load(self, file, *args, **options)

    monkeypatch.setattr(kind, "load", counted)
    return loaded


def test_it_goes_on_with_the_parts_that_are_not_loaded_yet(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = StatementFailed("line 7: INSERT: the table is full")
    with monkeypatch.context() as patch:
        first = _counted(stage, patch, lambda number, _: full if number == 5 else None)
        said = Silence()
        with pytest.raises(StatementFailed, match="the table is full"):
            stage.restore(said)
    [kept] = stage.beside()
    done = len(set(first)) - 1
    assert any(note.startswith(f"{kept} is kept, with ") for note in said.notes), said.notes
    again = _counted(stage, monkeypatch, lambda *_: None)
    report = stage.restore()
    assert report.equal, report.comparison
    rows = [part for part in stage.manifest.parts if part.file.startswith("data/")]
    assert len(rows) + 1 - done <= len(again) <= len(rows) + 1 - done + 1  # two were under way
    assert not set(again) & (set(first) - {first[4]} - set(again))
    [told] = [warning for warning in report.warnings if warning.startswith("goes on with")]
    assert told.startswith(
        f"goes on with {kept}: {len(rows) - len(again) + 1} of {len(rows)} parts are in, with "
    )
    assert stage.contents(tmp_path) == _unordered(stage.manifest.facts)
    assert stage.beside() == []
    left = databases.scalar(
        stage.server, stage.target,
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE '%vya%'"
        + ("" if stage.server.family == "postgresql" else f" AND table_schema = '{stage.target}'"),
    )  # fmt: skip
    assert left == 0


@pytest.mark.timeout(240)
def test_runs_that_are_killed_at_random_moments_come_to_the_whole(stage: Stage, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    program = Program(stage.server, tmp_path)
    words = ("restore", "--file", str(stage.path), "--instance", "1", "--target", stage.target)
    words = (*words, "--resume", "--jobs", "2", "--json", "--events", "keep")
    begun = time.monotonic()
    whole = program.start(*words)
    said = whole.communicate(timeout=60)
    length = time.monotonic() - begun
    assert whole.returncode == 0, said
    databases.drop(stage.server, stage.target)
    for number in range(CUTS):
        way = (signal.SIGKILL, signal.SIGINT)[number % 2]
        run = program.start(*words, "--force")
        time.sleep(length * chance.uniform(0.4, 1.0))
        run.send_signal(way)
        out, err = run.communicate(timeout=60)
        at = f"seed {SEED}, cut {number}: {way.name}, exit {run.returncode}\n{out}\n{err}"
        assert "Traceback" not in err, at
        assert len([name for name in stage.beside() if "restoring" in name]) <= 1, at
    last = program.run(*words, "--force")
    if (
        "the run was ended amid it" in last.stdout
    ):  # it was taking over: the command that is named comes first
        undone = program.run("restore", "--resume-or-undo", stage.target, "--instance", "1")
        assert undone.returncode == 0, f"seed {SEED}: {undone.stdout}{undone.stderr}"
        last = program.run(*words, "--force")
    assert last.returncode == 0, f"seed {SEED}: {last.stdout}{last.stderr}"
    assert json.loads(last.stdout)["equal"] is True
    assert stage.contents(tmp_path) == _unordered(stage.manifest.facts)
    assert [name for name in stage.beside() if "restoring" in name] == []


def test_indexes_that_were_made_are_not_made_again(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stage.server.family != "postgresql":
        pytest.skip("indexes are made with their tables there")
    made: list[int] = []
    make = lanes._make

    def counted(link, build, *further):
        if len(made) >= 3:  # both lanes may have made one since the last look
            raise StatementFailed(f"line {build.line}: no room")
        make(link, build, *further)
        made.append(build.line)

    with monkeypatch.context() as patch:
        patch.setattr(lanes, "_make", counted)
        with pytest.raises(StatementFailed, match=r"^after\.sql\.zst: line \d+: no room"):
            stage.restore()
    first, made[:] = set(made), []
    monkeypatch.setattr(lanes, "_make", lambda *args: (make(*args), made.append(args[1].line)))
    assert stage.restore(jobs=2).equal
    assert len(first) in {3, 4}  # two are made at once
    assert not first & set(made)
    assert stage.contents(tmp_path) == _unordered(stage.manifest.facts)


def test_what_comes_after_the_rows_is_made_anew_where_it_was_cut(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kind = PostgresKeeping if stage.server.family == "postgresql" else MysqlKeeping
        load = kind.load

        def cut(self, file, pieces, *further):
            load(self, file, _until_the_last(file, pieces), *further)

        def _until_the_last(file, pieces):
            held = None
            for piece in pieces:
                if held is not None:
                    yield held
                held = piece
                if file.startswith("after") and b"TRIGGER" in getattr(piece, "sql", b"")[:200]:
                    yield piece
                    raise KeyboardInterrupt
            if held is not None:
                yield held

        patch.setattr(kind, "load", cut)
        with pytest.raises(KeyboardInterrupt):
            stage.restore()
    assert len(stage.beside()) == 1
    assert stage.restore(jobs=1).equal
    assert stage.contents(tmp_path) == _unordered(stage.manifest.facts)


@pytest.fixture
def kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an unfinished database that a run kept."""
    with monkeypatch.context() as patch:
        _counted(stage, patch, lambda number, _: BackupError("cut") if number == 4 else None)
        with pytest.raises(BackupError, match="cut"):
            stage.restore()
    [name] = stage.beside()
    return name


def test_rows_that_are_not_those_that_were_loaded_are_dropped(stage: Stage, kept: str) -> None:
    databases.execute(
        stage.server, kept, "DELETE FROM large WHERE id = (SELECT * FROM (SELECT min(id) FROM large) x)"
    )
    report = stage.restore()
    assert report.equal
    [told] = [warning for warning in report.warnings if "loaded anew" in warning]
    assert told.startswith(f"{kept} was dropped, and everything is loaded anew: table ")
    assert stage.beside() == []


def test_another_artifact_or_other_options_are_refused_and_nothing_is_lost(
    stage: Stage, kept: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    source = stage.manifest.database
    databases.execute(stage.server, source, "CREATE TABLE more (a INT)")
    path, _ = good(in_parts(stage.instance, source, other))
    with pytest.raises(Refused, match=f"{kept} is kept of a restore from another artifact"):
        stage.restore(file=path)
    with pytest.raises(Refused, match=f"{kept} is kept of a restore by other options"):
        stage.restore(choices=Choices(no_acl=True, definer="strip"))
    assert stage.beside() == [kept]
    settle(stage.instance, stage.target)
    assert stage.beside() == []


def test_a_part_that_changes_while_it_is_loaded_is_not_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = filling._Filling._begin

    def changed(self, before):
        begin(self, before)
        monkeypatch.setattr(
            filling._Filling, "_same", lambda *_: (_ for _ in ()).throw(ArtifactCorrupt("it was changed"))
        )

    monkeypatch.setattr(filling._Filling, "_begin", changed)
    with pytest.raises(ArtifactCorrupt, match="it was changed"):
        stage.restore()
    assert stage.beside() == []


def test_tables_without_transactions_are_loaded_where_the_server_takes_none_in_a_transaction(
    stage: Stage, tmp_path: Path
) -> None:
    if stage.server.family == "postgresql":
        pytest.skip("every table there has transactions")
    source = stage.manifest.database
    for number in (1, 2):  # among tables that have some
        databases.execute(
            stage.server, source,
            f"CREATE TABLE a{number} (id INT PRIMARY KEY) ENGINE=InnoDB", f"INSERT INTO a{number} VALUES (1)",
            f'CREATE TABLE `b "{number}` (id INT PRIMARY KEY) ENGINE=MyISAM',
            f'INSERT INTO `b "{number}` VALUES (1), (2)',
        )  # fmt: skip
    path, manifest = good(in_parts(stage.instance, source, tmp_path))
    assert stage.restore(file=path).equal
    assert stage.contents(tmp_path) == _unordered(manifest.facts)


def test_what_cannot_be_resumed_is_refused_with_the_reason(stage: Stage, tmp_path: Path) -> None:
    source = stage.manifest.database
    single = backed_up(stage.instance, source, tmp_path).path
    for how, reason in (
        ({"file": single}, "--resume is for backups in parts, and .* is a single zstd dump"),
        ({"pick": Pick(("large",))}, "--resume is for whole backups, not for chosen tables"),
        ({"in_place": True}, "--resume is for a database that is filled beside the target"),
    ):
        with pytest.raises(UsageError, match=reason):
            stage.restore(**how)
    (stage.path / "manifest.json").rename(stage.path.parent / "manifest.json")
    with pytest.raises(UsageError, match="--resume needs the manifest of"):
        stage.restore()
    with connected(stage.instance) as server:
        assert not server.exists(stage.target)


def test_without_it_a_restore_that_fails_leaves_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        filling._Filling, "_builds", lambda *_: (_ for _ in ()).throw(BackupError("cut before the indexes"))
    )
    with pytest.raises(BackupError, match="cut before"):
        stage.restore(resume=False)
    assert stage.beside() == []
