"""Passwords of every kind, through whole backups and restores of the real program, and where they are seen.

A watcher reads every process's command line and environment, and the modes of all that appears on disk,
in a loop. Each password holds a word of its own run, so that an escaped or cut piece of one is found too, in
base64 and hexadecimal as well. What is on disk in the end is read whole: logs at DEBUG, manifests, records, locks.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from support import databases
from support.servers import RunningServer

AWKWARD = (
    "'{}'", '"{}"', '{}"', "{}'x", "#{}", "{} # not a comment", "\\{}\\", "{}\\n\\t\\0", " {} ", "{}%s%(a)s%%",
    "$" + "{{{}}}", "$({})`{}`", "{}ü日本🔑", "--password={}", "-p{}", "{};|&<>*?", "a:b@{}/c?d=e&f", "{{{}}}[]!~^",
    "{}='\\'' \"\\\"\" host=x", "{}" + "x'\"\\ #%$" * 12,
)  # fmt: skip
assert len(AWKWARD) == 20


CRASH = """
import base64, os, sys, urllib.parse
from pathlib import Path
from python_backup.cli.app import main
from python_backup.jobs import backup
def crash(*_):
    word = Path(os.environ["CRASH"]).read_text().rstrip("\\n")
    inner = ValueError({"password": word, "bytes": word.encode()})
    raise RuntimeError(word, urllib.parse.quote(word), base64.b64encode(word.encode())) from inner
backup.Sha256Meter = crash
main(sys.argv[1:])
"""
"""The program with a fault of its own amid a backup; its exceptions hold the password in many shapes."""


def shapes(word: str) -> tuple[bytes, ...]:
    """A word of letters and digits as it may stand in a text: as it is, in hexadecimal, in base64.

    In base64 it looks in three ways, as the bytes before it are 0, 1 or 2 more than a multiple of 3.
    """
    data = word.encode()
    coded = [
        b64encode(b"-" * shift + data)[-(-shift * 4 // 3) : (shift + len(data)) // 3 * 4]
        for shift in range(3)
    ]
    return data, data.hex().encode(), *coded


def sees(shown: tuple[bytes, ...], content: bytes) -> bool:
    return any(shape in content for shape in shown)


@dataclass
class Watch:
    """What was seen of a word while programs ran."""

    shown: tuple[bytes, ...]
    folder: Path
    sights: set[str] = field(default_factory=set)
    modes: set[tuple[str, str]] = field(default_factory=set)
    rounds: int = 0
    processes: set[str] = field(default_factory=set)

    def look(self) -> None:
        """One look at every process and every file."""
        for place in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with suppress(OSError):  # it has ended, or is not ours to read
                    content = (place / name).read_bytes()
                    if sees(self.shown, content):
                        self.sights.add(f"{name}: {content!r}")
                    if name == "cmdline":
                        self.processes.add(Path(content.partition(b"\0")[0].decode(errors="replace")).name)
        for path in _all_below(self.folder):
            with suppress(OSError):
                mode = path.lstat().st_mode
                if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
                    self.modes.add((str(path.relative_to(self.folder)), stat.filemode(mode)))
        self.rounds += 1


def _all_below(folder: Path) -> Iterator[Path]:
    """Every file and folder; what goes meanwhile is left out, where Path.rglob raises."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


@contextmanager
def watched(word: str, folder: Path) -> Iterator[Watch]:
    watch = Watch(shapes(word), folder)
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(0.02):
            watch.look()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


@dataclass
class Stage:
    """A folder of the operator's, and all that the program said there."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "", umask: int = 0, crash: str = "") -> tuple[int, str]:
        """The program with the most open umask; its exit code and what it wrote on stdout.

        With ``crash``, a password's file, the program has a fault of its own.
        """
        (self.folder / "tmp").mkdir(mode=0o700, exist_ok=True)
        program = ["-c", CRASH] if crash else ["-m", "python_backup"]
        done = subprocess.run(
            [sys.executable, *program, *arguments], cwd=self.folder, input=stdin, check=False,
            capture_output=True, text=True, timeout=300, umask=umask, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder), "CRASH": crash},
        )  # fmt: skip
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout


@pytest.fixture
def accounts(dbms_server: RunningServer) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A word, and twenty superusers of the server whose awkward passwords hold it."""
    word = f"w{uuid.uuid4().hex[:10]}"
    made = [
        (f"u{uuid.uuid4().hex[:10]}_{n}", form.format(*[word] * form.count("{}")))
        for n, form in enumerate(AWKWARD)
    ]
    with closing(databases.connection(dbms_server)) as link, link.cursor() as cursor:
        for name, password in made:
            _make(dbms_server, cursor, name, password)
    yield word, made
    with closing(databases.connection(dbms_server)) as link, link.cursor() as cursor:
        for name, _ in made:
            _drop(dbms_server, cursor, name)


def _make(server: RunningServer, cursor: Any, name: str, password: str) -> None:
    if server.family == "postgresql":
        role = sql.Identifier(name)
        cursor.execute(
            sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(role, sql.Literal(password))
        )
        return
    cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (name, password))
    cursor.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", (name,))


def _drop(server: RunningServer, cursor: Any, name: str) -> None:
    if isinstance(cursor, psycopg.Cursor):
        cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    else:
        cursor.execute("DROP USER %s@'%%'", (name,))


def _write_config(folder: Path, server: RunningServer, accounts: list[tuple[str, str]]) -> None:
    """The accounts' passwords by turns in the vault, in a file and from a program."""
    instances = []
    for number, (name, password) in enumerate(accounts):
        secret = folder / f"{number}.password"
        way: dict[str, Any] = {"vault": str(number)}
        if number % 3:
            secret.write_text(password + "\n")
            secret.chmod(0o600)
            way = {"file": secret.name} if number % 3 == 1 else {"command": ["cat", str(secret)]}
        instances.append({
            "id": number, "dbms": server.dbms, "host": server.host, "port": server.port, "password": way,
            **({"username": name} if number % 3 else {}),
            **({"tools": {"path": server.bin}} if server.bin else {}),
        })  # fmt: skip
    wrong = {**instances[0], "id": "wrong", "username": accounts[1][0]}
    for name, logging in LOGGING.items():
        config = folder / name
        config.write_text(
            yaml.safe_dump({
                "backup": {"directory": "backups"},
                "logging": {"level": "debug", "max_size": "100 kB", "keep": 1000, **logging},
                "vault": {"path": "vault", "key_file": "vault.key"},
                "instances": [*instances, {**wrong, "enabled": False}],
            })
        )  # fmt: skip
        config.chmod(0o600)


LOGGING = {
    "config.yaml": {"format": "json", "file": "logs/json"},
    "text.yaml": {"format": "text", "file": "logs/text"},
    "stderr.yaml": {"format": "json"},
}
"""The configs of a folder, and what each logs where."""


def test_the_watcher_sees_what_is_there_to_see(tmp_path: Path) -> None:
    word = f"w{uuid.uuid4().hex[:10]}"
    tmp_path.chmod(0o700)
    with watched(word, tmp_path) as watch:
        (tmp_path / "open").touch(mode=0o644)
        wait = [sys.executable, "-c", "import time; time.sleep(1)"]
        subprocess.run([*wait, f"--password={word}"], check=True)
        subprocess.run(wait, check=True, env={**os.environ, "PGPASSWORD": word})
        for before in ("", "x", "xy"):
            coded = b64encode(f"{before}{word}yz".encode()).decode()
            subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)", coded], check=True)
            assert any(coded in sight for sight in watch.sights)
    assert {sight.partition(":")[0] for sight in watch.sights} == {"cmdline", "environ"}
    assert watch.modes == {("open", "-rw-r--r--")}


def test_no_password_is_seen_while_twenty_awkward_ones_back_up_and_restore(
    dbms_server: RunningServer, accounts: tuple[str, list[tuple[str, str]]],
    new_database: Callable[..., str], tmp_path: Path,
) -> None:  # fmt: skip
    if dbms_server.command:
        pytest.skip("the config for tools in a container is tested in test_containers.py")
    word, made = accounts
    source = new_database(dbms_server, "shop")
    databases.execute(dbms_server, source, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    databases.execute(dbms_server, source, "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    tmp_path.chmod(0o700)
    stage = Stage(tmp_path)
    _write_config(tmp_path, dbms_server, made)
    held = [{"id": n, "username": name, "password": password} for n, (name, password) in enumerate(made)]

    with watched(word, tmp_path) as watch:
        assert stage.run("vault", "init")[0] == 0
        assert stage.run("vault", "import", "-", stdin=json.dumps(held))[0] == 0
        code, out = stage.run("backup", "--all", "--database", source, "--json")
        assert code == 0, stage.said[-1]
        files = sorted((tmp_path / "backups").glob("*.sql"))
        assert len(files) == len(made), out
        targets = [new_database(dbms_server, f"copy{number}", create=False) for number in range(len(files))]

        def restored(number: int) -> int:
            where = (
                "--instance",
                str(number),
                "--target",
                targets[number],
                "--config",
                list(LOGGING)[number % 3],
            )
            umask = 0o077 if number % 2 else 0
            return stage.run("restore", "--file", str(files[number]), *where, umask=umask)[0]

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(restored, range(len(files)))) == [0] * len(files), stage.said
        counts = [databases.scalar(dbms_server, target, "SELECT count(*) FROM t") for target in targets]
        assert counts == [2] * len(files)
        assert stage.run("backup", "--instance", "wrong", "--database", source)[0] == 4
        for number, config in zip((1, 4, 7), LOGGING, strict=True):  # their passwords are in files
            told = ("--instance", str(number), "--database", source, "--config", config)
            assert stage.run("backup", *told)[0] == 0
            assert stage.run("backup", *told, crash=str(tmp_path / f"{number}.password"))[0] == 1
            assert "***" in stage.said[-1]
        for arguments in (["config", "show"], ["config", "validate", "--json"], ["list"], ["vault", "list"]):
            assert stage.run(*arguments)[0] == 0

    assert watch.sights == set()
    assert watch.modes == set()
    assert watch.rounds > 50
    assert watch.processes & {"pg_dump", "mysqldump", "mariadb-dump"}
    shown = shapes(word)
    assert [text for text in stage.said if sees(shown, text.encode())] == []
    assert list((tmp_path / "tmp").iterdir()) == []
    kept = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".password"
    }
    assert [path for path, content in kept.items() if sees(shown, content)] == []
    for name in ("json", "text"):
        logged = b"".join(content for path, content in kept.items() if path.name.partition(".")[0] == name)
        assert (
            b"--defaults-file" in logged or b"--dbname" in logged
        )  # the tool's command is there at DEBUG alone
        assert b"Traceback (most recent call last)" in logged
        assert b"***" in logged
