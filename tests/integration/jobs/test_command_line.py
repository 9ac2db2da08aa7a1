"""What the commands promise of their runs, seen from outside, on real servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support import databases
from support.cli import Program
from support.servers import RunningServer

OTHERS = {
    "postgresql": "-- MySQL dump 10.13  Distrib 9.7.0\n\nCREATE TABLE `t` (`a` int);\n\n-- Dump completed on 2026-01-01\n",
    "mysql": (
        "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.t (a integer);\n\n"
        "--\n-- PostgreSQL database dump complete\n--\n"
    ),
}
TOOL = {"postgresql": "pg_dump", "mysql": "mysqldump", "mariadb": "mariadb-dump"}


@pytest.fixture
def program(family_server: RunningServer, tmp_path: Path) -> Program:
    return Program(family_server, tmp_path)


def test_a_dry_run_of_a_backup_says_what_would_be_run_and_writes_nothing(
    program: Program, new_database: Callable[..., str]
) -> None:
    shop = new_database(program.server, "shop")
    databases.execute(program.server, shop, "CREATE TABLE t (a int)")
    done = program.run("backup", "-i", "1", "-d", shop, "--dry-run", "--format", "zstd")
    assert done.returncode == 0, done.stderr
    would_run = done.stdout.splitlines()[1].split()
    assert (would_run[:2], Path(would_run[2]).name) == (["would", "run"], TOOL[program.server.dbms])
    assert f"would write  {program.backups}/" in done.stdout
    assert done.stdout.endswith("dry run: nothing was written\n")
    assert program.server.password not in done.stdout + done.stderr
    assert [path for path in program.backups.rglob("*") if path.is_file()] == []


def test_a_restore_of_the_other_engines_dump_is_refused_and_makes_nothing(
    program: Program, new_database: Callable[..., str], tmp_path: Path
) -> None:
    target = new_database(program.server, "shop", create=False)
    dump = tmp_path / "shop.sql"
    dump.write_text(OTHERS[program.server.family])
    done = program.run("restore", "-i", "1", "-f", str(dump), "-t", target)
    other = {"postgresql": "mysql", "mysql": "postgresql"}[program.server.family]
    assert done.returncode == 8, done.stdout + done.stderr
    assert f"{dump} is a dump of {other}, instance 1" in done.stderr
    assert "hint: Name an instance of the dump's engine with --instance." in done.stderr
    assert target not in databases.names(program.server)
