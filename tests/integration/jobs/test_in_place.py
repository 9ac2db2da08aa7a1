"""Restores in place, behind a safety backup, against every server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.errors import Refused, StatementFailed, UnsafeDump
from python_backup.instance import Instance
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rollback import roll_back, settle
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
AFTER = [0.0, 0.3] if "VYA_CHAOS" not in os.environ else [n * 0.05 for n in range(25)]
"""Seconds after the target was marked, at which a restore in place is killed."""

CHANGES = 7
"""Calls by which a restore in place changes the server: two databases made, one filled, two swaps, two drops."""

ROWS = ",".join(f"({i}, 'name {i}')" for i in range(500))
TABLES = (
    "create table item (id int primary key, name varchar(20))",
    f"insert into item values {ROWS}",
    "create view names as select name from item",
)
DUMPS = {
    "postgresql": "--\n-- PostgreSQL database dump\n--\n\n{}\n\n--\n-- PostgreSQL database dump complete\n--\n",
    "mysql": "-- MySQL dump 10.13  Distrib 9.7.0, for Linux (x86_64)\n\n{}\n\n-- Dump completed on 2026-01-01\n",
}
TRIGGERS = {
    "postgresql": (
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ begin insert into public.log values (1); return new; end $$;\n"
        "CREATE TRIGGER g AFTER INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.f();\n"
        "INSERT INTO public.a VALUES (1);"
    ),
    "mysql": (
        "CREATE TRIGGER g AFTER INSERT ON a FOR EACH ROW INSERT INTO log VALUES (1);\n"
        "INSERT INTO `a` VALUES (1);"
    ),
}


def now() -> datetime:
    return datetime.now(UTC)


def backed_up(instance: Instance, folder: Path, database: str) -> Path:
    (result,) = back_up(BackupRequest((instance,), (database,), folder, Format.ZSTD), Silence(), now)
    assert result.error is None, result.error
    assert result.path is not None
    return result.path


def in_place(instance: Instance, file: Path, target: str, folder: Path, keep: int = 10) -> RestoreReport:
    request = RestoreRequest(file, instance, target, force=True, in_place=True, safety=Safety(folder, keep))
    return restore(request, lambda _: False, Silence(), now)


def dump(server: RunningServer, folder: Path, text: str) -> Path:
    path = folder / "broken.sql"
    path.write_text(DUMPS[server.family].format(text))
    return path


def beside(server: RunningServer, database: str) -> list[str]:
    return [name for name in databases.names(server) if name.startswith(f"{database}__")]


def rows(server: RunningServer, database: str) -> int:
    return int(databases.scalar(server, database, "select count(*) from names"))


def test_the_target_is_replaced_and_a_safety_backup_of_what_it_was_is_kept(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(any_server, "shop"), instance_for(any_server)
    databases.execute(any_server, shop, *TABLES)
    path = backed_up(instance, tmp_path, shop)
    databases.execute(any_server, shop, "delete from item where id < 100")

    report = in_place(instance, path, shop, tmp_path / "safety")

    assert (report.taken_over, report.before, report.equal) == (True, None, True)
    assert rows(any_server, shop) == 500
    assert beside(any_server, shop) == []
    assert report.safety is not None
    assert sorted(p.name for p in (tmp_path / "safety").iterdir()) == [
        report.safety.name + suffix for suffix in ("", ".manifest.json", ".replaced.json", ".sha256")
    ]
    again = in_place(instance, report.safety, shop, tmp_path / "safety")
    assert (again.taken_over, rows(any_server, shop)) == (True, 400)


def test_the_database_keeps_its_own_properties(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(postgresql_server, "shop"), instance_for(postgresql_server)
    databases.execute(postgresql_server, shop, *TABLES, f"comment on database \"{shop}\" is 'then'")
    path = backed_up(instance, tmp_path, shop)
    databases.execute(
        postgresql_server, shop,
        f'alter database "{shop}" set work_mem to \'12MB\'', f'comment on database "{shop}" is \'now\'',
    )  # fmt: skip

    def properties() -> tuple[object, object]:
        return (
            databases.scalar(postgresql_server, shop, "show work_mem"),
            databases.scalar(
                postgresql_server, shop,
                f"select shobj_description(oid, 'pg_database') from pg_database where datname = '{shop}'",
            ),
        )  # fmt: skip

    in_place(instance, path, shop, tmp_path / "safety")
    assert properties() == ("12MB", "now")
    with pytest.raises(StatementFailed):
        broken = dump(postgresql_server, tmp_path, "CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);")
        in_place(instance, broken, shop, tmp_path / "safety")
    assert properties() == ("12MB", "now")


def test_a_dump_that_fails_half_way_is_answered_by_the_safety_backup(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(any_server, "shop"), instance_for(any_server)
    databases.execute(any_server, shop, *TABLES)
    broken = dump(any_server, tmp_path, "CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);")

    with pytest.raises(StatementFailed) as caught:
        in_place(instance, broken, shop, tmp_path / "safety")

    (artifact,) = [p for p in (tmp_path / "safety").iterdir() if p.name.endswith(".zst")]
    first, last = caught.value.message.splitlines()
    assert "nowhere" in first
    assert last == f"{shop} was put back from its safety backup {artifact}"
    assert (rows(any_server, shop), beside(any_server, shop)) == (500, [])
    assert not list((tmp_path / "safety").glob("*.in-place.json"))


UNSAFE = {
    "postgresql": "create table unsafe (a text default pg_read_file('/etc/hostname'))",
    "mysql": "create event unsafe on schedule every 1 year do drop database if exists nowhere_at_all",
}
"""What no restore takes from a dump of strangers."""


def test_what_a_dump_may_not_hold_is_put_back_from_the_safety_backup_all_the_same(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(family_server, "shop"), instance_for(family_server)
    databases.execute(family_server, shop, *TABLES, UNSAFE[family_server.family])
    broken = dump(family_server, tmp_path, "CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);")

    with pytest.raises(StatementFailed) as caught:
        in_place(instance, broken, shop, tmp_path / "safety")

    assert "was put back from its safety backup" in caught.value.message
    assert (rows(family_server, shop), beside(family_server, shop)) == (500, [])
    again = backed_up(instance, tmp_path, shop)
    with pytest.raises(UnsafeDump):
        in_place(instance, again, shop, tmp_path / "safety")


def test_what_differs_from_the_dump_is_answered_by_the_safety_backup(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(any_server, "shop"), instance_for(any_server)
    databases.execute(any_server, shop, *TABLES)
    schema = "public." if any_server.family == "postgresql" else ""
    tables = f"CREATE TABLE {schema}a (x int);\nCREATE TABLE {schema}log (x int);\n"
    differing = dump(any_server, tmp_path, tables + TRIGGERS[any_server.family])

    report = in_place(instance, differing, shop, tmp_path / "safety")

    assert (report.taken_over, report.equal) == (False, False)
    assert (rows(any_server, shop), beside(any_server, shop)) == (500, [])
    assert not list((tmp_path / "safety").glob("*.in-place.json"))


def test_only_the_latest_safety_backups_are_kept(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(any_server, "shop"), instance_for(any_server)
    databases.execute(any_server, shop, *TABLES)
    path = backed_up(instance, tmp_path, shop)
    made = [in_place(instance, path, shop, tmp_path / "safety", keep=2).safety for _ in range(3)]
    kept = sorted(p for p in (tmp_path / "safety").iterdir() if p.name.endswith(".zst"))
    assert kept == sorted(made[1:])  # type: ignore[type-var]
    assert len(list((tmp_path / "safety").iterdir())) == 8


def test_others_who_use_the_target_are_left_in_peace(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, instance = new_database(any_server, "shop"), instance_for(any_server)
    databases.execute(any_server, shop, *TABLES)
    path = backed_up(instance, tmp_path, shop)
    with closing(databases.connection(any_server, shop)), pytest.raises(Refused, match="in use"):
        in_place(instance, path, shop, tmp_path / "safety")
    assert (rows(any_server, shop), beside(any_server, shop)) == (500, [])
    assert not (tmp_path / "safety").exists()


@dataclass(frozen=True)
class Killing:
    """A target that was changed since its backup was taken, and a restore in place that is to be killed."""

    server: RunningServer
    target: str
    path: Path
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "backups" / "safety"

    @property
    def marks(self) -> list[Path]:
        return list(self.folder.glob("*.in-place.json"))

    def begin(self, *module: str) -> subprocess.Popen[bytes]:
        config = self.root / "config.yaml"
        config.write_text(config_for(self.server, self.root / "backups"))
        words = ["restore", "--config", config, "-f", self.path, "-i", "1", "-t", self.target, "--force"]
        return subprocess.Popen(
            [sys.executable, "-m", *module, *words, "--in-place"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )  # fmt: skip

    def mended(self) -> None:
        """Settles what was left, and sees that the target is whole and nothing else is there."""
        instance = instance_for(self.server)
        place = InPlace(instance, Safety(self.folder), Silence(), now)
        done = settle(instance, self.target, place)
        assert rows(self.server, self.target) in {400, 500}, done
        assert beside(self.server, self.target) == [], done
        assert not self.marks
        assert settle(instance, self.target, place) == ()


@pytest.fixture
def killing(new_database: Name, tmp_path: Path) -> Callable[[RunningServer], Killing]:
    def make(server: RunningServer) -> Killing:
        shop, instance = new_database(server, "shop"), instance_for(server)
        databases.execute(server, shop, *TABLES)
        path = backed_up(instance, tmp_path, shop)
        databases.execute(server, shop, "delete from item where id < 100")
        return Killing(server, shop, path, tmp_path)

    return make


@pytest.mark.parametrize("after", AFTER)
def test_a_killed_restore_in_place_is_told_and_mended(
    any_server: RunningServer, killing: Callable[[RunningServer], Killing], after: float
) -> None:
    killed = killing(any_server)
    shop, instance = killed.target, instance_for(any_server)
    child = killed.begin("python_backup")
    while child.poll() is None and not killed.marks:
        time.sleep(0.005)
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    child.wait()

    if killed.marks:
        place = InPlace(instance, Safety(killed.folder), Silence(), now)
        request = RestoreRequest(killed.path, instance, shop, force=True, safety=place.safety)
        with pytest.raises(Refused) as caught:
            restore(request, lambda _: False, Silence(), now)
        assert caught.value.hint == f"Run: vya-backupdb restore --resume-or-undo {shop} --instance 1"
        with pytest.raises(Refused):
            roll_back(instance, shop, now, place=place)
    killed.mended()


def test_a_restore_in_place_that_is_killed_at_any_of_its_steps_is_mended(
    family_server: RunningServer, killing: Callable[[RunningServer], Killing]
) -> None:
    killed = killing(family_server)
    ends = []
    for step in range(1, CHANGES + 2):
        child = killed.begin("support.dying", str(step))
        ends.append(child.wait(timeout=60))
        killed.mended()
    assert ends == [-signal.SIGKILL] * CHANGES + [0]


def config_for(server: RunningServer, folder: Path) -> str:
    instance = instance_for(server)
    secret = instance.password.reveal() if instance.password else ""
    quoted = "'" + secret.replace("$", "$$").replace("'", "''") + "'"
    return (
        f"backup: {{directory: {folder}}}\ninstances:\n  - id: 1\n    dbms: {server.dbms}\n"
        f"    host: {instance.host}\n    port: {instance.port}\n    username: {instance.username}\n"
        f"    password: {quoted}\n    tools: {{path: {instance.tools.path}}}\n"
    )
