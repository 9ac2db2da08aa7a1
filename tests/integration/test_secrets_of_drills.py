"""Passwords and the receipts' key, through drills, receipts, self-tests and comparisons, and where they are seen."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from support import databases
from support.servers import RunningServer
from support.watching import Stage, drop_superuser, make_superuser, shapes, watched

AWKWARD = "{0}='\\\\'' \"{0}\\\\\" # %s$ü--password={0}"


@pytest.fixture
def account(family_server: RunningServer) -> Iterator[tuple[str, str, str]]:
    """A word, a superuser, and its awkward password that holds the word."""
    word, name = f"w{uuid.uuid4().hex[:10]}", f"u{uuid.uuid4().hex[:10]}"
    password = AWKWARD.format(word)
    with closing(databases.connection(family_server)) as link, link.cursor() as cursor:
        make_superuser(family_server, cursor, name, password)
    yield word, name, password
    with closing(databases.connection(family_server)) as link, link.cursor() as cursor:
        drop_superuser(family_server, cursor, name)


def _configured(folder: Path, server: RunningServer, account: tuple[str, str, str]) -> None:
    """The server as the source, and once more as a scratch instance."""
    _, name, password = account
    (folder / "given.password").write_text(password + "\n")
    (folder / "given.password").chmod(0o600)
    one = {
        "id": "1", "dbms": server.dbms, "host": server.host, "port": server.port, "username": name,
        "password": {"file": "given.password"}, **({"tools": {"path": server.bin}} if server.bin else {}),
    }  # fmt: skip
    scratch = {**one, "id": "ground", "password": {"command": ["cat", "given.password"]}, "scratch": True}
    del scratch["host"]  # the same server by another way, which no config should have
    scratch["socket"] = server.socket
    if server.family == "mysql":
        del scratch["port"]
    (folder / "config.yaml").touch(mode=0o600)
    (folder / "config.yaml").write_text(
        yaml.safe_dump({
            "backup": {"directory": "backups", "compression": {"format": "zstd"}},
            "logging": {"level": "debug", "format": "json", "file": "logs/json"},
            "receipt": {"key": "keys/receipt.key"},
            "drill": {"programs": [str(server.bin)] if server.bin else [], "max_proof_age": "30d"},
            "instances": [one, scratch],
        })
    )  # fmt: skip


def _commands(database: str, taken: Callable[[], list[Path]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each command with the exit code that it must end with, as the first backup and those after it stand."""
    yield 0, ("receipt", "key")
    yield 0, ("receipt", "key", "--show")
    yield 0, ("backup", "--instance", "1", "--database", database)
    yield 0, ("backup", "--instance", "1", "--database", database)
    first, second = map(str, taken())
    yield 0, ("diff", first, second, "--rows", "t", "--json")
    reports = ("--json", "drill.json", "--junit", "drill.xml", "--html", "drill.html")
    yield 0, ("drill", "--instance", "1", "--database", database, *reports)
    yield 0, ("drill", "--file", first, "--on", "ground")
    yield 1, ("drill", "--file", first, "--on", "docker:nowhere.invalid/nothing:0")
    yield 0, ("receipt", "verify", "--json")
    yield 0, ("selftest", "--file", first)
    yield 0, ("forecast", "--all", "--json")
    yield 0, ("doctor", "--json")
    to_it = ("--instance", "1", "--target", database)
    yield 0, ("plan", "--file", first, *to_it, "--output", "plan.json")
    yield 0, ("restore", "--plan", "plan.json", "--force")
    yield 0, ("rollback", "--instance", "1", "--database", database)
    yield 0, ("list", "--runs", "--json")


def test_no_password_and_no_key_is_seen_in_drills_receipts_and_comparisons(
    family_server: RunningServer, account: tuple[str, str, str],
    new_database: Callable[..., str], tmp_path: Path,
) -> None:  # fmt: skip
    word = account[0]
    source = new_database(family_server, "shop")
    databases.execute(family_server, source, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    databases.execute(family_server, source, "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    tmp_path.chmod(0o700)
    (tmp_path / "keys").mkdir(mode=0o700)
    stage = Stage(tmp_path)
    _configured(tmp_path, family_server, account)
    try:
        with watched(word, tmp_path) as watch:
            for code, words in _commands(source, lambda: sorted((tmp_path / "backups").glob("*.sql.zst"))):
                assert stage.run(*words, umask=0)[0] == code, (words, stage.said[-2:])
    finally:
        for name in databases.names(family_server):
            if name.startswith(source):
                databases.drop(family_server, name)

    assert watch.sights == set()
    assert watch.modes == set()
    assert stage.seen(shapes(word), lambda path: path.suffix == ".password") == []
    secret = (tmp_path / "keys" / "receipt.key").read_bytes().splitlines()[1]
    assert stage.seen((secret, secret[-43:-1]), lambda path: path.suffix == ".key") == []
    assert list((tmp_path / "tmp").iterdir()) == []
