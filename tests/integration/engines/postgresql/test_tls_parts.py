"""A backup in parts over TLS: its facts, its memory, and its end by a signal or with the server's session."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from integration.engines.test_tls import Secured, secured
from integration.jobs.test_memory import MEGABYTES, MOST, peak
from integration.jobs.test_parts import SCHEMA, good, in_parts
from integration.jobs.test_signals import _children, _living, _until
from python_backup.engines.postgresql import parts, tools
from python_backup.instance import TlsMode, Tools
from support import databases
from support.cli import Program
from support.jobs import backed_up, facts
from support.programs import found_programs, newest_of_each

__all__ = ["secured"]

Name = Callable[..., str]
ROWS = 400_000
LANES = "application_name = 'vya-backupdb' AND query LIKE 'COPY%'"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The newest PostgreSQL."""
    if "secured" in metafunc.fixturenames:
        newest = [program for program in newest_of_each(found_programs()) if program.family == "postgresql"]
        metafunc.parametrize(
            "secured", newest, ids=[program.id for program in newest], indirect=True, scope="module"
        )


def program_for(secured: Secured, folder: Path, **backup: object) -> Program:
    tls = {"mode": "verify-full", "ca": "ca.pem", "cert": "client.crt", "key": "client.key"}
    told = {key: value if key == "mode" else str(secured.folder / value) for key, value in tls.items()}
    return Program(secured.server, folder, backup=backup, instance={"tls": told})


def test_its_facts_are_those_of_a_single_file(
    secured: Secured, new_database: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_database(secured.server, "parts 'n\" pieces")
    databases.execute(secured.server, name, *SCHEMA)
    monkeypatch.setattr(parts, "RANGE", 64 << 10)
    _, manifest = good(in_parts(secured.instance(), name, tmp_path, jobs=3))
    assert facts(backed_up(secured.instance(), name, tmp_path)) == manifest.facts
    assert max(part.range != "" for part in manifest.parts)
    plain = replace(secured.instance(), host="", socket=secured.server.socket)
    _, direct = good(in_parts(replace(plain, tls=type(plain.tls)(TlsMode.DISABLE)), name, tmp_path, jobs=3))
    assert direct.facts == manifest.facts
    assert manifest.warnings == direct.warnings


def test_without_a_psql_the_rows_are_read_nevertheless_and_it_is_said(
    secured: Secured, new_database: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_database(secured.server)
    databases.execute(secured.server, name, *SCHEMA)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pg_dump").symlink_to(Path(secured.server.bin or "") / "pg_dump")
    monkeypatch.setattr(tools, "folders", lambda _: iter(()))
    instance = replace(secured.instance(), tools=Tools(path=tmp_path / "bin"))
    _, manifest = good(in_parts(instance, name, tmp_path))
    assert [said for said in manifest.warnings if "no psql" in said] == [parts._WITHOUT_PSQL]
    assert facts(backed_up(instance, name, tmp_path)) == manifest.facts


def test_a_large_row_is_not_held_whole(secured: Secured, new_database: Name, tmp_path: Path) -> None:
    name = new_database(secured.server)
    databases.execute(
        secured.server, name, "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
        f"INSERT INTO t SELECT 1, repeat(md5('a'), {MEGABYTES * 1_000_000 // 32})",
    )  # fmt: skip
    config = program_for(secured, tmp_path).config()
    assert peak("backup", "-i", "1", "-d", name, "--jobs", "2", "--config", str(config)) < MOST


@pytest.fixture
def many(secured: Secured, new_database: Name) -> str:
    name = new_database(secured.server)
    databases.execute(
        secured.server, name, "CREATE TABLE t (id int PRIMARY KEY, a text)",
        f"INSERT INTO t SELECT i, md5(i::text) || md5((-i)::text) FROM generate_series(1, {ROWS}) i",
    )  # fmt: skip
    return name


def _amid_its_rows(program: Program, name: str, *words: str, level: str = "22") -> subprocess.Popen[str]:
    run = program.start(
        "backup", "-i", "1", "-d", name, "--jobs", "2", "--format", "zstd", "--level", level, *words
    )
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND {LANES}"
    _until(lambda: databases.scalar(program.server, None, asked))
    time.sleep(0.3)
    assert run.poll() is None
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_one_that_is_signalled_leaves_neither_psql_nor_session(
    secured: Secured, many: str, tmp_path: Path, number: signal.Signals
) -> None:
    program = program_for(secured, tmp_path)
    run = _amid_its_rows(program, many)
    children = list(_children(run.pid))
    assert len(children) >= 2
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == (-number if number == signal.SIGKILL else 128 + number), err
    _until(lambda: _living(children) == [])
    here = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{many}'"
    _until(lambda: databases.scalar(secured.server, None, here) == 0)


def test_a_session_that_the_server_ends_is_told_with_the_table(
    secured: Secured, many: str, tmp_path: Path
) -> None:
    program = program_for(secured, tmp_path, retry={"attempts": 1})
    run = _amid_its_rows(program, many, "--json", level="14")  # what is on its way is read first
    databases.rows(
        secured.server, None, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LANES}"
    )
    out, _ = run.communicate(timeout=30)
    (result,) = json.loads(out)["databases"]
    said = r"^table public\.t of .* cannot be read: (?!error).*(terminating connection|closed the connection|was lost)"
    assert re.search(said, result["error"]["message"]), result["error"]
    assert [path for path in program.backups.iterdir() if not path.name.startswith(".")] == []
