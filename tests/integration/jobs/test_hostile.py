"""Every hostile dump through the whole program against real servers: refused, and nothing changed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostile import mysql, postgresql
from hostile.hostile import CANARY, PREY, Hostile, dressed
from python_backup.cli.app import run
from support import databases
from support.servers import RunningServer

CORPUS = {"mysql": mysql.HOSTILE, "postgresql": postgresql.HOSTILE}
LEAK = {
    "postgresql": "copy (select 1) to program 'cat > {canary}'",
    "mysql": "select 1 into outfile '{canary}'",
}
WATCHED = {
    "postgresql": (
        "select rolname, rolsuper, rolpassword from pg_authid order by 1",
        "select datname, datdba, datacl::text, datconnlimit from pg_database order by 1",
        "select setdatabase, setrole, setconfig::text from pg_db_role_setting order by 1, 2",
        "select spcname from pg_tablespace order by 1",
        "select slot_name from pg_replication_slots order by 1",
        "select count(*) from pg_file_settings",
    ),
    "mysql": (
        "select user, host, plugin, authentication_string from mysql.user order by 1, 2",
        "select schema_name, default_character_set_name from information_schema.schemata order by 1",
        "select variable_value from {globals} where variable_name in ('general_log', 'general_log_file')",
        "select name from mysql.func order by 1",
        "select server_name from mysql.servers order by 1",
        "select table_schema, table_name from information_schema.tables where table_schema = 'mysql' order by 2",
    ),
}


def state(server: RunningServer, prey: str) -> list[Any]:
    """What a hostile dump might change: accounts, databases, settings, another database's rows."""
    schema = "performance_schema" if server.dbms == "mysql" else "information_schema"
    asked = [q.format(globals=f"{schema}.global_variables") for q in WATCHED[server.family]]
    return [databases.rows(server, None, q) for q in asked] + [
        databases.rows(server, prey, "select * from t")
    ]


def config_for(server: RunningServer, folder: Path) -> Path:
    """A config file that names this server as instance 1."""
    secret = folder / "password"
    secret.write_text(server.password)
    instance = {
        "id": 1, "name": server.id, "dbms": server.dbms, "host": server.host, "port": server.port,
        "username": server.superuser, "password": {"file": str(secret)},
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(json.dumps({"backup": {"directory": str(folder / "backups")}, "instances": [instance]}))
    for private in (secret, path):
        private.chmod(0o600)
    return path


@pytest.mark.parametrize("dressing", ["as a tool's own", "bare"])
def test_no_hostile_dump_is_restored_and_none_changes_a_thing(
    private_server: RunningServer, new_database: Callable[..., str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], dressing: str,
) -> None:  # fmt: skip
    prey, target = new_database(private_server, "prey"), new_database(private_server, "into", create=False)
    databases.execute(private_server, prey, "create table t (a int)", "insert into t values (1)")
    config = config_for(private_server, tmp_path)
    canary = Path(tempfile.mkdtemp(dir="/tmp")) / "canary"
    canary.parent.chmod(0o777)
    before = state(private_server, prey)
    wrong: list[str] = []

    for place, hostile in enumerate(CORPUS[private_server.family]):
        code, said = restored(
            private_server, config, target, hostile, (prey, canary, tmp_path / f"{place}.sql"), dressing
        )
        error = capsys.readouterr().err
        if hostile.aside:
            databases.drop(private_server, target)
        elif code != 8 or said not in error:
            wrong.append(f"{hostile.name}: exit {code}: {error.strip()[:200]}")

    assert wrong == []
    assert state(private_server, prey) == before
    assert target not in databases.names(private_server)
    assert list(canary.parent.iterdir()) == []
    canary.parent.rmdir()


def restored(
    server: RunningServer, config: Path, target: str, hostile: Hostile, places: tuple[str, Path, Path], dressing: str
) -> tuple[int, str]:  # fmt: skip
    """The exit code, and what the error must say."""
    prey, canary, file = places
    text, moved = dressed(server.family, hostile.text) if dressing == "as a tool's own" else (hostile.text, 0)
    file.write_bytes(text.replace(CANARY, str(canary).encode()).replace(PREY, prey.encode()))
    where = ["--file", str(file), "--instance", "1", "--target", target]
    code = run(["restore", "--config", str(config), *where, "--force"])
    return code, f"line {hostile.line + moved}: "


def test_the_canary_would_sing(any_server: RunningServer) -> None:
    """The same account can write a file through the server, where the server allows it at all."""
    if any_server.dbms == "mysql":
        assert databases.scalar(any_server, None, "select @@secure_file_priv") in {None, "NULL"}
        return
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    canary = folder / "canary"
    databases.execute(any_server, None, LEAK[any_server.family].format(canary=canary))
    assert canary.exists()
    canary.unlink()
    folder.rmdir()
