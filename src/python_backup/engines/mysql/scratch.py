"""Throw-away MySQL and MariaDB servers: which programs there are, and how one is made and served."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from python_backup.engines.container import SHARED, name_in, removes, runs_in
from python_backup.engines.mysql.tools import INSTALLED
from python_backup.engines.program import Image, Recipe, ServerProgram
from python_backup.instance import Dbms, Instance, Secret, Tools
from python_backup.stream.child import Command, output_of
from python_backup.stream.environment import clean_environment

SUPERUSER = "root"
NAMES = ("mariadbd", "mysqld")
INSTALLERS = ("mariadb-install-db", "mysql_install_db")
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin")

# They say "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu", "mysqld  Ver 9.7.4 for Linux".
_VERSION = re.compile(r"Ver (\d+)\.(\d+)\.(\d+)(-MariaDB)?")


def programs(places: Iterable[Path]) -> tuple[ServerProgram, ...]:
    """The server programs of this machine, each flavour and version once; those in ``places`` first."""
    found: dict[tuple[Dbms, str], ServerProgram] = {}
    for folder in (*places, *_folders()):
        for program in _program(folder):
            found.setdefault((program.dbms, program.version), program)
    return tuple(found.values())


def _folders() -> Iterator[Path]:
    yield from (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)
    yield from map(Path, PLACES)
    for pattern in INSTALLED:
        yield from sorted(Path("/").glob(pattern))


def _program(folder: Path) -> Iterator[ServerProgram]:
    for name in NAMES:
        path = Path(os.path.realpath(folder / name))
        if not os.access(path, os.X_OK):
            continue
        command = Command((str(path), "--no-defaults", "--version"), clean_environment(os.environ))
        output, ending = output_of(command)
        match = _VERSION.search(output.decode("utf-8", "replace"))
        if ending.returncode == 0 and match:
            number = (int(match[1]), int(match[2]))
            dbms = Dbms.MARIADB if match[4] else Dbms.MYSQL
            yield ServerProgram(dbms, ".".join(match.groups()[:3]), number, path, folder)
            return


def recipe(program: ServerProgram, folder: Path, password: str) -> Recipe:
    """A server in ``folder`` whose only way in is its socket, with the password."""
    base = program.path.parents[1]
    messages = base / "share" / ("mysql" if (base / "share" / "mysql").is_dir() else "mysql-8.0")
    options: tuple[str, ...] = ("--no-defaults", f"--datadir={folder}/data", f"--basedir={base}")
    if messages.is_dir():
        options += (f"--lc-messages-dir={messages}",)
    flavour = _OF_MARIADB if program.dbms is Dbms.MARIADB else _OF_MYSQL
    return Recipe(
        files={
            "accounts.sql": f"ALTER USER {SUPERUSER}@localhost IDENTIFIED BY '{password}';\n",
            "client.cnf": _option_file(f"{folder}/socket", password),
        },
        make=_making(program, folder, options),
        serve=(
            str(program.path), *options, *flavour, f"--socket={folder}/socket", f"--pid-file={folder}/pid",
            f"--tmpdir={folder}", f"--init-file={folder}/accounts.sql", f"--secure-file-priv={folder}",
            *SETTINGS,
        ),
        ending=signal.SIGKILL,  # its data goes with it
        instance=Instance(
            id="drill", name="drill", dbms=program.dbms, socket=f"{folder}/socket", username=SUPERUSER,
            password=Secret(lambda: password), tools=Tools(path=program.clients),
        ),
        client=_client(program.dbms, folder),
    )  # fmt: skip


def contained(image: Image, folder: Path, password: str) -> Recipe:
    """The same in a container; the variables are the official images', which Docker Hub documents."""
    flavour = _OF_MARIADB if image.dbms is Dbms.MARIADB else _OF_MYSQL
    socket, name = str(folder / "shared" / "socket"), name_in(folder)
    return Recipe(
        files={
            "environment": f"MYSQL_ROOT_PASSWORD={password}\nMARIADB_ROOT_PASSWORD={password}\n",
            "client.cnf": _option_file(socket, password),
        },
        make=(),
        serve=runs_in(folder, image, (*flavour, *SETTINGS, f"--socket={SHARED}/socket")),
        ending=signal.SIGKILL,
        after=removes(folder),
        container=name,
        instance=Instance(
            id="drill", name="drill", dbms=image.dbms, socket=socket, username=SUPERUSER,
            password=Secret(lambda: password),
            tools=Tools(command=("docker", "exec", "-i", name), socket=f"{SHARED}/socket"),
        ),
        client=_client(image.dbms, folder),
    )  # fmt: skip


def _option_file(socket: str, password: str) -> str:
    return f"[client]\nsocket={socket}\nuser={SUPERUSER}\npassword={password}\n"


def _client(dbms: Dbms, folder: Path) -> tuple[str, ...]:
    return (str(dbms), f"--defaults-file={folder}/client.cnf")


SETTINGS = (
    "--skip-networking", "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0", "--event-scheduler=OFF", "--local-infile=OFF",
)  # fmt: skip
_OF_MYSQL = ("--mysqlx=OFF", "--disable-log-bin")
_OF_MARIADB = ("--skip-log-bin",)
"""What keeps each from a further port, and from a log that nobody reads."""


def _making(program: ServerProgram, folder: Path, options: tuple[str, ...]) -> tuple[str, ...]:
    if program.dbms is Dbms.MYSQL:
        return (str(program.path), *options, "--initialize-insecure")
    places = (program.path.parents[1] / "bin", program.clients, Path("/usr/bin"))
    scripts = (place / name for place in places for name in INSTALLERS)
    script = next((script for script in scripts if script.exists()), Path(INSTALLERS[0]))
    return (
        str(script), *options, "--force", "--skip-test-db", "--auth-root-authentication-method=normal",
        f"--tmpdir={folder}",
    )  # fmt: skip
