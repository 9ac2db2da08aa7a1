"""Throw-away PostgreSQL servers: which programs there are, and how one is made and served."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from python_backup.engines.container import SHARED, name_in, removes, runs_in
from python_backup.engines.postgresql.tools import EMBEDDED, Toolbox, folders
from python_backup.engines.program import Image, Recipe, ServerProgram
from python_backup.instance import Dbms, Instance, Secret, Tools

SUPERUSER = "postgres"
PORT = 5432
"""A part of the socket's name; nothing listens on it."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "max_logical_replication_workers": "0",
    "autovacuum": "off",
}
"""The data is thrown away, and no subscription of a dump may begin to pull."""


def programs(places: Iterable[Path]) -> tuple[ServerProgram, ...]:
    """The server programs of this machine, each version once; those in ``places`` first."""
    found: dict[tuple[str, bool], ServerProgram] = {}
    for folder in (*places, *folders(os.environ)):
        for program in _program(folder):
            found.setdefault((program.version, program.embedded), program)
    return tuple(found.values())


def _program(folder: Path) -> Iterator[ServerProgram]:
    path = Path(os.path.realpath(folder / "postgres"))
    if os.access(path, os.X_OK) and os.access(path.with_name("initdb"), os.X_OK):
        tool = Toolbox(Tools(path=path.parent), {}, lambda _: iter(())).found("postgres")
        if tool is not None:
            embedded = EMBEDDED in path.parts
            yield ServerProgram(Dbms.POSTGRESQL, tool.version, (tool.number[0],), path, folder, embedded)


def recipe(program: ServerProgram, folder: Path, password: str) -> Recipe:
    """A cluster in ``folder`` whose only way in is its socket, with the password."""
    data, home = str(folder / "data"), program.path.parent
    settings = (f"{name}={value}" for name, value in SETTINGS.items())
    return Recipe(
        files={"password": password + "\n", "pgpass": f"*:*:*:*:{password}\n"},
        make=(
            f"{home}/initdb", "-D", data, "-U", SUPERUSER, "--pwfile", f"{folder}/password",
            "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        ),
        serve=(
            str(program.path), "-D", data, "-p", str(PORT), "-k", str(folder),
            *(word for setting in settings for word in ("-c", setting)),
        ),
        ending=signal.SIGQUIT,  # at once, and with nothing left in the kernel's shared memory
        instance=Instance(
            id="drill", name="drill", dbms=Dbms.POSTGRESQL, port=PORT, socket=str(folder),
            username=SUPERUSER, password=Secret(lambda: password), tools=Tools(path=program.clients),
        ),
        client=_client(program.clients, folder, str(folder)),
    )  # fmt: skip


def contained(image: Image, folder: Path, password: str) -> Recipe:
    """The same in a container; the variables are the official image's, which Docker Hub documents."""
    settings = {**SETTINGS, "unix_socket_directories": SHARED, "port": str(PORT)}
    socket, name = str(folder / "shared"), name_in(folder)
    return Recipe(
        files={
            "environment": f"POSTGRES_PASSWORD={password}\nPOSTGRES_INITDB_ARGS=--no-sync\n",
            "password": password + "\n",
            "pgpass": f"*:*:*:*:{password}\n",
        },
        make=(),
        serve=runs_in(
            folder, image, tuple(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
        ),
        ending=signal.SIGKILL,
        after=removes(folder),
        container=name,
        instance=Instance(
            id="drill", name="drill", dbms=Dbms.POSTGRESQL, port=PORT, socket=socket,
            username=SUPERUSER, password=Secret(lambda: password),
            tools=Tools(command=("docker", "exec", "-i", name), socket=SHARED),
        ),
        client=_client(None, folder, socket),
    )  # fmt: skip


def _client(programs: Path | None, folder: Path, socket: str) -> tuple[str, ...]:
    psql = "psql" if programs is None or not (programs / "psql").exists() else str(programs / "psql")
    return ("env", f"PGPASSFILE={folder}/pgpass", psql, "-h", socket, "-p", str(PORT), "-U", SUPERUSER, "-d")
