"""The README's "Restoring without this program", run as it is written: stock tools take our artifacts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.model import Format
from support import databases
from support.jobs import backed_up, facts
from support.markdown import fences, read, section
from support.servers import RunningServer, instance_for

Name = Callable[..., str]
CLIENTS = {"mysql": ("mysql",), "mariadb": ("mariadb", "mysql"), "postgresql": ("psql",)}


def lines() -> list[str]:
    (fence,) = fences(section(read("README.md"), "## Restoring without this program"))
    return [line.partition(" #")[0].strip() for line in fence.text.splitlines()]


def written(server: RunningServer, stored: Format) -> list[str]:
    """The README's commands for this engine and format, in order."""
    tools = {
        Format.NONE: "FILE.sql",
        Format.GZIP: "gunzip",
        Format.ZIP: "unzip",
        Format.ZSTD: "zstd",
        Format.CUSTOM: "pg_restore",
    }
    client = "pg_restore" if stored is Format.CUSTOM else "psql" if server.family == "postgresql" else "mysql"
    found = [line for line in lines() if line.startswith(tools[stored]) and re.search(rf"\b{client}\b", line)]
    if found or stored is Format.CUSTOM:
        return found
    return [
        line.replace("mysql", "psql -X -v ON_ERROR_STOP=1 -d postgres")
        for line in lines()
        if line.startswith(tools[stored])
    ]


def test_the_checksum_command_accepts_an_artifact(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(any_server)
    databases.execute(any_server, name, "CREATE TABLE t (id INT)")
    result = backed_up(instance_for(any_server), name, tmp_path)
    assert result.path is not None
    (command,) = (line for line in lines() if line.startswith("sha256sum"))
    said = run(re.sub(r"\S+\.sha256$", result.path.name + ".sha256", command), any_server, tmp_path)
    assert said.strip() == f"{result.path.name}: OK"


@pytest.mark.parametrize("stored", [Format.GZIP, Format.ZIP, Format.ZSTD, Format.CUSTOM])
def test_stock_tools_restore_an_artifact(
    any_server: RunningServer, new_database: Name, tmp_path: Path, stored: Format
) -> None:
    if stored is Format.CUSTOM and any_server.family == "mysql":
        return
    name = new_database(any_server, "shop")
    databases.execute(
        any_server, name, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50))",
        "INSERT INTO t VALUES (1, 'a\\\\b''c'), (2, NULL)", "CREATE VIEW w AS SELECT id FROM t",
    )  # fmt: skip
    instance = replace(instance_for(any_server), custom_format=stored is Format.CUSTOM)
    result = backed_up(instance, name, tmp_path, Format.NONE if stored is Format.CUSTOM else stored)
    assert result.path is not None
    before = databases.rows(any_server, name, "SELECT id, v FROM t ORDER BY id")
    databases.drop(any_server, name)
    (command,) = written(any_server, stored)
    run(re.sub(r"\S*(FILE|\d{8}_\d{6}_\w+)\.\S+", result.path.name, command), any_server, tmp_path)
    assert databases.rows(any_server, name, "SELECT id, v FROM t ORDER BY id") == before
    assert facts(backed_up(instance, name, tmp_path / "again", Format.NONE)) == facts(result)


def run(command: str, server: RunningServer, folder: Path) -> str:
    """Runs one of the README's lines in a shell, where the clients find server, account and password."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    clients = CLIENTS[server.dbms] + (("pg_restore",) if server.family == "postgresql" else ())
    for client in clients:
        found = Path(server.bin) / client
        program = str(found) if found.exists() else shutil.which(client)
        as_written = "mysql" if server.family == "mysql" else client
        if program is not None and not (tools / as_written).exists():
            (tools / as_written).symlink_to(program)
    if server.family == "mysql":
        escaped = server.password.replace("\\", "\\\\").replace('"', '\\"')
        account = f'[client]\nuser="{server.superuser}"\npassword="{escaped}"\nsocket="{server.socket}"\n'
        options = folder / ".my.cnf"
        options.write_text(account)
        options.chmod(0o600)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "PGHOST": server.socket, "PGPORT": str(server.port), "PGUSER": server.superuser,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout
