"""How each kind of server is made on an empty folder and started: argument lists, and nothing run.

The data is thrown away, so nothing waits for a disk. Over TCP the superuser has a password that
is full of what option files, connection strings and shells trip over; on the socket PostgreSQL
trusts everyone, as Debian's does.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from support.programs import Program

PASSWORD = 'it\'s #1 "secret"\\ %40 $x `y` &:/@!'


@dataclass(frozen=True, slots=True)
class Recipe:
    """The files to write, the command that makes the data, the command that serves, and the ending.

    ``signal`` ends the server at once and leaves nothing in the kernel: a killed PostgreSQL would
    leave its shared memory. ``socket`` is what a client takes for a path: PostgreSQL's is a folder.
    """

    files: dict[str, str]
    make: list[str]
    serve: list[str]
    signal: signal.Signals
    socket: str
    superuser: str


def recipe(program: Program, folder: Path, port: int) -> Recipe:
    """The recipe for one program; ``folder`` is the server's own and short enough for a socket's path."""
    return {"postgresql": _postgresql, "mysql": _mysql, "mariadb": _mariadb}[program.dbms](
        program, folder, port
    )


def _postgresql(program: Program, folder: Path, port: int) -> Recipe:
    data = str(folder / "data")
    settings = {
        "listen_addresses": "127.0.0.1",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "60",
        "wal_level": "logical",
        "max_wal_size": "2GB",
        "max_prepared_transactions": "5",
    }
    return Recipe(
        files={"password": PASSWORD + "\n"},
        make=[
            f"{program.bin}/initdb", "-D", data, "-U", "postgres", "--pwfile", str(folder / "password"),
            "-A", "scram-sha-256", "--auth-local=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        ],
        serve=[
            f"{program.bin}/postgres", "-D", data, "-p", str(port), "-k", str(folder),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        signal=signal.SIGQUIT,
        socket=str(folder),
        superuser="postgres",
    )  # fmt: skip


def _mysql_options(program: Program, folder: Path) -> list[str]:
    options = ["--no-defaults", f"--datadir={folder}/data"]
    if program.root:
        options += [f"--basedir={program.root}/usr", f"--lc-messages-dir={program.root}/usr/share/mysql"]
    return options


def _mysql_serve(program: Program, folder: Path, port: int) -> list[str]:
    name = "mariadbd" if (Path(program.bin) / "mariadbd").exists() else "mysqld"
    return [
        f"{program.bin}/{name}", *_mysql_options(program, folder),
        "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
        f"--tmpdir={folder}", f"--init-file={folder}/accounts.sql", "--max-allowed-packet=64M",
        "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--innodb-doublewrite=0",
        "--log-bin-trust-function-creators=1", "--event-scheduler=ON",
    ]  # fmt: skip


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _mysql(program: Program, folder: Path, port: int) -> Recipe:
    return Recipe(
        files={"accounts.sql": f"ALTER USER root@localhost IDENTIFIED BY {_quoted(PASSWORD)};\n"},
        make=[f"{program.bin}/mysqld", *_mysql_options(program, folder), "--initialize-insecure"],
        serve=[*_mysql_serve(program, folder, port), "--mysqlx=OFF", "--secure-file-priv=NULL"],
        signal=signal.SIGKILL,
        socket=f"{folder}/socket",
        superuser="root",
    )


def _mariadb(program: Program, folder: Path, port: int) -> Recipe:
    places = [f"{program.root}/usr/bin"] if program.root else [program.bin, program.clients, "/usr/bin"]
    scripts = (Path(place) / n for place in places for n in ("mariadb-install-db", "mysql_install_db"))
    script = next((s for s in scripts if s.exists()), Path("mariadb-install-db"))
    accounts = [f"ALTER USER root@localhost IDENTIFIED BY {_quoted(PASSWORD)};"]
    accounts += [f"DROP USER IF EXISTS {name};" for name in ("root@'127.0.0.1'", "root@'::1'")]
    return Recipe(
        files={"accounts.sql": "\n".join(accounts) + "\n"},
        make=[
            str(script), *_mysql_options(program, folder), "--force", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ],
        serve=_mysql_serve(program, folder, port),
        signal=signal.SIGKILL,
        socket=f"{folder}/socket",
        superuser="root",
    )  # fmt: skip
