"""Passwords of every kind, through whole backups and restores of the real program, and where they are seen.

A watcher reads every process's command line and environment, and the modes of all that appears on disk,
in a loop. Each password holds a word of its own run, so that an escaped or cut piece of one is found too, in
base64 and hexadecimal as well. What is on disk in the end is read whole: logs at DEBUG, manifests, records, locks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import databases
from support.servers import RunningServer
from support.watching import Stage, drop_superuser, make_superuser, sees, shapes, watched

AWKWARD = (
    "'{}'", '"{}"', '{}"', "{}'x", "#{}", "{} # not a comment", "\\{}\\", "{}\\n\\t\\0", " {} ", "{}%s%(a)s%%",
    "$" + "{{{}}}", "$({})`{}`", "{}ü日本🔑", "--password={}", "-p{}", "{};|&<>*?", "a:b@{}/c?d=e&f", "{{{}}}[]!~^",
    "{}='\\'' \"\\\"\" host=x", "{}" + "x'\"\\ #%$" * 12,
)  # fmt: skip
assert len(AWKWARD) == 20


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
            make_superuser(dbms_server, cursor, name, password)
    yield word, made
    with closing(databases.connection(dbms_server)) as link, link.cursor() as cursor:
        for name, _ in made:
            drop_superuser(dbms_server, cursor, name)


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
