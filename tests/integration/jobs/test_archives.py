"""pg_dump's own archives, a file or a folder: examined as plain SQL, and loaded by pg_restore's jobs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.engines.postgresql import archive
from python_backup.engines.postgresql.dump import password_files
from python_backup.errors import ArtifactCorrupt, ToolFailed, UnsafeDump
from python_backup.instance import Instance, Secret
from python_backup.jobs.examine import Examiner
from python_backup.jobs.plan import Verdict, plan
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from support import databases
from support.jobs import backed_up, facts
from support.results import WEB
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
FILL = (
    "CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE purchase (id serial PRIMARY KEY, customer int REFERENCES customer, total numeric(10, 2))",
    "CREATE INDEX by_customer ON purchase (customer)",
    "CREATE MATERIALIZED VIEW spent AS SELECT customer, sum(total) FROM purchase GROUP BY 1",
    "INSERT INTO customer SELECT i, 'customer ' || i || E'\\t\\\\' FROM generate_series(1, 3000) i",
    "INSERT INTO purchase (customer, total) SELECT 1 + i % 3000, i / 7.0 FROM generate_series(1, 9000) i",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$fired$$; END'",
    "CREATE TRIGGER guarded BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION f()",
    "COMMENT ON INDEX by_customer IS 'an index''s'",
    "REFRESH MATERIALIZED VIEW spent",
    "SELECT lo_from_bytea(0, 'a large object')",
)


@dataclass
class Titles(Silence):
    """Keeps what was under way."""

    titles: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Silence]:
        self.titles.append(title)
        with super().step(title, total=total) as step:
            yield step


@pytest.fixture(params=["custom", "directory"])
def archived(
    request: pytest.FixtureRequest, postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> tuple[str, Path]:
    """A database and an archive of it."""
    shop = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, shop, *FILL)
    return shop, dumped(postgresql_server, shop, tmp_path / "shop.dump", request.param)


def dumped(server: RunningServer, database: str, path: Path, form: str) -> Path:
    where = ["-h", server.socket, "-p", str(server.port), "-U", server.superuser]
    argv = [f"{server.bin}/pg_dump", *where, "-F", form[0], "-f", str(path), database]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


def filled(
    instance: Instance, path: Path, target: str, jobs: int = 2, pick: Pick | None = None
) -> tuple[RestoreReport, bool]:
    """The report, and whether pg_restore loaded it."""
    progress = Titles()
    request = RestoreRequest(path, instance, target, jobs=jobs, pick=pick)
    report = restore(request, lambda _: False, progress, lambda: datetime.now(UTC))
    return report, any("jobs of pg_restore" in title for title in progress.titles)


def test_an_archive_is_loaded_by_pg_restore_and_is_what_was_dumped(
    postgresql_server: RunningServer, archived: tuple[str, Path], new_database: Name, tmp_path: Path
) -> None:
    shop, path = archived
    instance, target = instance_for(postgresql_server), new_database(postgresql_server, "x", create=False)
    report, by_its_tool = filled(instance, path, target)
    assert report.equal
    assert report.comparison is not None
    assert by_its_tool == understood(postgresql_server, path)
    assert facts(backed_up(instance, target, tmp_path)) == facts(backed_up(instance, shop, tmp_path))


def understood(server: RunningServer, path: Path) -> bool:
    """Whether the server knows all that the pg_restore for this archive sends of its own."""
    return server.major >= (17,) or archive._reader(path) < 17


def test_a_part_of_an_archive_and_one_job_go_through_the_driver(
    postgresql_server: RunningServer, archived: tuple[str, Path], new_database: Name
) -> None:
    _, path = archived
    instance = instance_for(postgresql_server)
    for jobs, pick in ((1, None), (2, Pick(tables=("customer",)))):
        target = new_database(postgresql_server, "x", create=False)
        report, by_its_tool = filled(instance, path, target, jobs, pick)
        assert (report.equal, by_its_tool) == (True, False)


def test_an_archive_can_be_planned_with(
    postgresql_server: RunningServer, archived: tuple[str, Path], new_database: Name
) -> None:
    target = new_database(postgresql_server, "x", create=False)
    request = RestoreRequest(archived[1], instance_for(postgresql_server), target)
    found = plan(request, Silence(), lambda: datetime.now(UTC))
    assert (found.verdict is Verdict.BLOCKED, found.facts.rows) == (False, 12_000)


def test_what_the_server_refuses_leaves_the_target_and_tells_no_value(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, target = new_database(postgresql_server, "shop"), new_database(postgresql_server, "x")
    databases.execute(
        postgresql_server, shop,
        "CREATE TABLE other (id int)",
        "CREATE FUNCTION allowed(text) RETURNS bool LANGUAGE sql AS 'SELECT count(*) > 0 FROM public.other'",
        "INSERT INTO other VALUES (1)",
        "CREATE TABLE t (v text CHECK (allowed(v)))",
        "INSERT INTO t VALUES ('secret value')",
        "DELETE FROM other",
    )  # fmt: skip
    databases.execute(postgresql_server, target, "CREATE TABLE mine (id int)")
    path = dumped(postgresql_server, shop, tmp_path / "a.dump", "custom")
    request = RestoreRequest(path, instance_for(postgresql_server), target, force=True, jobs=2)
    with pytest.raises(ToolFailed, match="check constraint") as caught:
        restore(request, lambda _: True, Silence(), lambda: datetime.now(UTC))
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert databases.scalar(postgresql_server, target, "SELECT count(*) FROM mine") == 0
    assert [d for d in databases.names(postgresql_server) if d.startswith(f"{target}_")] == []


def test_a_hostile_archive_is_refused_before_anything_is_connected(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop = new_database(postgresql_server, "shop")
    databases.execute(
        postgresql_server, shop, "CREATE TABLE t (v text)", f"COMMENT ON TABLE t IS '{'x' * 40}'"
    )
    path = dumped(postgresql_server, shop, tmp_path / "a.dir", "directory")
    written = f"COMMENT ON TABLE public.t IS '{'x' * 40}';".encode()
    hostile = b"COPY public.t FROM PROGRAM 'touch /tmp/was-here';".ljust(len(written))
    content = (path / "toc.dat").read_bytes()
    assert written in content
    (path / "toc.dat").write_bytes(content.replace(written, hostile))
    nowhere = replace(instance_for(postgresql_server), port=1, socket=None)
    with pytest.raises(UnsafeDump, match="PROGRAM"):
        filled(nowhere, path, "x")


def test_a_folder_that_leads_out_of_itself_is_corrupt(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    path = dumped(postgresql_server, new_database(postgresql_server, "shop"), tmp_path / "a.dir", "directory")
    (path / "9999.dat").symlink_to("/etc/passwd")
    with pytest.raises(ArtifactCorrupt, match=r"no file of an archive: 9999\.dat"):
        Examiner(Silence()).examine(path)


@pytest.mark.parametrize("table", ["toc.dat", "blobs"])
def test_contents_that_name_a_file_elsewhere_are_corrupt(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path, table: str
) -> None:
    """pg_restore would read it, and load its lines as rows."""
    shop = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, shop, *FILL)
    path = dumped(postgresql_server, shop, tmp_path / "a.dir", "directory")
    toc = path / "toc.dat" if table == "toc.dat" else next(path.glob("blobs*.toc"))
    content = toc.read_bytes()
    name = re.search(rb"\d{4}\.dat" if table == "toc.dat" else rb"blob_\d+\.dat", content)
    assert name is not None
    elsewhere = (b"../" + b"1" * 30)[: len(name[0]) - 4] + b".dat"
    toc.write_bytes(content.replace(name[0], elsewhere, 1))
    failed = Examiner(Silence()).examine(path).failed
    assert failed is not None
    assert re.search(rf"{toc.name} names '.*\.\./1+\.dat'", failed.detail)


def test_a_folder_changed_meanwhile_is_found(
    postgresql_server: RunningServer, archived: tuple[str, Path], new_database: Name, monkeypatch
) -> None:
    path = archived[1]
    load_rows = archive.load_rows

    def meddled(*given: object) -> None:
        load_rows(*given)
        changed = path / "toc.dat" if path.is_dir() else path
        changed.write_bytes(changed.read_bytes() + b" ")

    monkeypatch.setattr(archive, "load_rows", meddled)
    target = new_database(postgresql_server, "x", create=False)
    if not understood(postgresql_server, path):
        pytest.skip("this archive goes through the driver on so old a server")
    with pytest.raises(ArtifactCorrupt, match="was changed while it was restored"):
        filled(instance_for(postgresql_server), path, target)


def test_a_password_reaches_pg_restore_in_a_private_file(tmp_path: Path) -> None:
    instance = replace(WEB, password=Secret(lambda: "a:b"))
    with password_files(instance, "pg_restore") as environment:
        own = Path(environment["PGPASSFILE"])
        assert (own.read_bytes(), own.stat().st_mode & 0o777) == (b"*:*:*:*:a\\:b\n", 0o600)
    assert not own.exists()
