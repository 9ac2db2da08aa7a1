"""Passwords of every kind, through whole backups and restores of the real program, and where they are seen.

A watcher reads every process's command line and environment, and the modes of all that appears on disk,
in a loop. Each password holds a word of its own run, so that an escaped or cut piece of one is found too.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import uuid
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


@dataclass
class Watch:
    """What was seen of a word while programs ran."""

    word: bytes
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
                    if self.word in content:
                        self.sights.add(f"{name}: {content!r}")
                    if name == "cmdline":
                        self.processes.add(Path(content.partition(b"\0")[0].decode(errors="replace")).name)
        for path in self.folder.rglob("*"):
            with suppress(OSError):
                mode = path.lstat().st_mode
                if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
                    self.modes.add((str(path.relative_to(self.folder)), stat.filemode(mode)))
        self.rounds += 1


@contextmanager
def watched(word: str, folder: Path) -> Iterator[Watch]:
    watch = Watch(word.encode(), folder)
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

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        """The program with the most open umask; its exit code and what it wrote on stdout."""
        (self.folder / "tmp").mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "python_backup", *arguments], cwd=self.folder, input=stdin, check=False,
            capture_output=True, text=True, timeout=300, umask=0, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder)},
        )  # fmt: skip
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout


@pytest.fixture
def accounts(any_server: RunningServer) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A word, and twenty superusers of the server whose awkward passwords hold it."""
    word = f"w{uuid.uuid4().hex[:10]}"
    made = [
        (f"u{uuid.uuid4().hex[:10]}_{n}", form.format(*[word] * form.count("{}")))
        for n, form in enumerate(AWKWARD)
    ]
    with closing(databases.connection(any_server)) as link, link.cursor() as cursor:
        for name, password in made:
            _make(any_server, cursor, name, password)
    yield word, made
    with closing(databases.connection(any_server)) as link, link.cursor() as cursor:
        for name, _ in made:
            _drop(any_server, cursor, name)


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
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump({
            "backup": {"directory": "backups"},
            "vault": {"path": "vault", "key_file": "vault.key"},
            "instances": [*instances, {**wrong, "enabled": False}],
        })
    )  # fmt: skip
    config.chmod(0o600)


def test_the_watcher_sees_what_is_there_to_see(tmp_path: Path) -> None:
    word = f"w{uuid.uuid4().hex[:10]}"
    tmp_path.chmod(0o700)
    with watched(word, tmp_path) as watch:
        (tmp_path / "open").touch(mode=0o644)
        wait = [sys.executable, "-c", "import time; time.sleep(1)"]
        subprocess.run([*wait, f"--password={word}"], check=True)
        subprocess.run(wait, check=True, env={**os.environ, "PGPASSWORD": word})
    assert {sight.partition(":")[0] for sight in watch.sights} == {"cmdline", "environ"}
    assert watch.modes == {("open", "-rw-r--r--")}


def test_no_password_is_seen_while_twenty_awkward_ones_back_up_and_restore(
    any_server: RunningServer, accounts: tuple[str, list[tuple[str, str]]],
    new_database: Callable[..., str], tmp_path: Path,
) -> None:  # fmt: skip
    if any_server.command:
        pytest.skip("the config for tools in a container is tested in test_containers.py")
    word, made = accounts
    source = new_database(any_server, "shop")
    databases.execute(any_server, source, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    databases.execute(any_server, source, "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    tmp_path.chmod(0o700)
    stage = Stage(tmp_path)
    _write_config(tmp_path, any_server, made)
    held = [{"id": n, "username": name, "password": password} for n, (name, password) in enumerate(made)]

    with watched(word, tmp_path) as watch:
        assert stage.run("vault", "init")[0] == 0
        assert stage.run("vault", "import", "-", stdin=json.dumps(held))[0] == 0
        code, out = stage.run("backup", "--all", "--database", source, "--json")
        assert code == 0, stage.said[-1]
        files = sorted((tmp_path / "backups").glob("*.sql"))
        assert len(files) == len(made), out
        targets = [new_database(any_server, f"copy{number}", create=False) for number in range(len(files))]

        def restored(number: int) -> int:
            where = ("--instance", str(number), "--target", targets[number])
            return stage.run("restore", "--file", str(files[number]), *where)[0]

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(restored, range(len(files)))) == [0] * len(files), stage.said
        counts = [databases.scalar(any_server, target, "SELECT count(*) FROM t") for target in targets]
        assert counts == [2] * len(files)
        assert stage.run("backup", "--instance", "wrong", "--database", source)[0] == 4
        for arguments in (["config", "show"], ["config", "validate", "--json"], ["list"], ["vault", "list"]):
            assert stage.run(*arguments)[0] == 0

    assert watch.sights == set()
    assert watch.modes == set()
    assert watch.rounds > 50
    assert watch.processes & {"pg_dump", "mysqldump", "mariadb-dump"}
    assert [text for text in stage.said if word in text] == []
    assert list((tmp_path / "tmp").iterdir()) == []
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".password"]
    assert [path for path in kept if word.encode() in path.read_bytes()] == []
