"""Two runs on one database, on real servers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
from python_backup.jobs.locking import working_on
from python_backup.storage.locks import Locks
from support import databases
from support.cli import Program
from support.servers import RunningServer, instance_for

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)


@pytest.fixture
def program(family_server: RunningServer, tmp_path: Path) -> Program:
    return Program(family_server, tmp_path)


@pytest.fixture
def shop(family_server: RunningServer, new_database: Callable[..., str]) -> str:
    name = new_database(family_server, "shop")
    databases.execute(family_server, name, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    return name


@contextmanager
def another_run(program: Program, database: str) -> Iterator[None]:
    """This process works on the database, reached over TCP."""
    machine = program.folder / "locks"
    machine.mkdir(exist_ok=True)
    locks = Locks(machine, program.folder / "elsewhere", "vya-backupdb other", AT, print)
    instance = instance_for(program.server)
    with (
        closing(ENGINES[Dbms(program.server.dbms)].connect(instance)) as server,
        working_on(locks, server, instance, database),
    ):
        yield


def test_a_server_is_the_same_by_any_address_and_no_other(any_server: RunningServer) -> None:
    def asked(instance) -> str:
        with closing(ENGINES[instance.dbms].connect(instance)) as server:
            return server.identity()

    found = {asked(instance_for(any_server)), asked(instance_for(any_server, id="2"))}
    if any_server.socket:
        found.add(asked(instance_for(any_server, socket=True)))
    assert len(found) == 1
    assert len(found.pop()) > 10


def test_every_command_that_changes_something_is_kept_out_and_no_other(program: Program, shop: str) -> None:
    over_socket = replace(program, socket=bool(program.server.socket))
    assert over_socket.run("backup", "-i", "1", "-d", shop).returncode == 0
    [artifact] = [str(p) for p in program.backups.iterdir() if p.name.endswith(f"{shop}.sql")]
    to_it = ("--instance", "1", "--target", shop)
    with another_run(program, shop):
        for words in (
            ("backup", "-i", "1", "-d", shop),
            ("restore", "--file", artifact, "--force", *to_it),
            ("restore", "--file", artifact, "--force", "--in-place", *to_it),
            ("restore", "--file", artifact, "--merge", "keep", *to_it),
            ("restore", "--resume-or-undo", shop, "--instance", "1"),
            ("rollback", "-i", "1", "-d", shop),
        ):
            done = over_socket.run(*words)
            local = AT.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            told = f"database {shop!r} on instance 1 is locked by pid {os.getpid()} since {local}: vya-backupdb other"
            assert (done.returncode, told in done.stderr) == (8, True), (words, done.stderr)
            assert "--wait SECONDS" in done.stderr
        for words in (
            ("verify", artifact),
            ("backup", "-i", "1", "-d", shop, "--dry-run"),
            ("restore", "--file", artifact, "--dry-run", *to_it),
        ):
            done = over_socket.run(*words) if words[0] != "verify" else None
            assert done is None or done.returncode == 0, done
        assert over_socket.run("list").returncode == 0
    assert over_socket.run("restore", "--file", artifact, "--force", *to_it).returncode == 0
    assert over_socket.run("rollback", "-i", "1", "-d", shop).returncode == 0


def test_a_backup_that_is_refused_has_not_looked_into_the_database(program: Program, shop: str) -> None:
    """Fifty at once each opened a second connection before they saw the lock: more than a server may have."""
    with another_run(program, shop):
        refused = program.run("backup", "-i", "1", "-d", shop)
    done = program.run("backup", "-i", "1", "-d", shop)
    assert [("inspect done" in run.stderr) for run in (refused, done)] == [False, True], refused.stderr
    assert (refused.returncode, done.returncode) == (8, 0)


def test_a_locked_database_does_not_stop_the_others(program: Program, shop: str, new_database) -> None:
    other = new_database(program.server, "other")
    with another_run(program, shop):
        done = program.run("backup", "-i", "1", "-d", shop, "-d", other, "--json")
    found = {d["database"]: d["outcome"] for d in json.loads(done.stdout)["databases"]}
    assert (done.returncode, found) == (7, {shop: "failed", other: "done"})
    record = json.loads(program.run("list", "--runs", "--json").stdout)["runs"][0]
    kept = {d["database"]: (d["outcome"], (d["error"] or {}).get("type")) for d in record["databases"]}
    assert (record["exit_code"], kept) == (7, {shop: ("failed", "Locked"), other: ("done", None)})
    assert record["words"].startswith("vya-backupdb backup -i 1 -d ")


def test_a_wait_ends_with_the_others_run(program: Program, shop: str) -> None:
    with another_run(program, shop):
        waiting = program.start("backup", "-i", "1", "-d", shop, "--wait", "60")
        heard = next((line for line in waiting.stderr if "waiting" in line), "")
    out, err = waiting.communicate(timeout=60)
    assert "waiting for pid" in heard, heard + err
    assert waiting.returncode == 0, out + err


def test_of_many_backups_at_once_each_is_whole_or_refused(program: Program, shop: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda _: program.run("backup", "-i", "1", "-d", shop), range(6)))
    codes = sorted(run.returncode for run in runs)
    assert set(codes) <= {0, 8}, [run.stderr for run in runs]
    assert codes[0] == 0
    manifests = list(program.backups.glob("*.manifest.json"))
    assert len(manifests) == codes.count(0)
    assert list((program.folder / "locks").iterdir()) == []
