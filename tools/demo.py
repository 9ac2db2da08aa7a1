"""``make demo``: the whole way of a backup, with the real program on real servers, in a minute.

Starts an embedded PostgreSQL (and MariaDB or MySQL where the machine has one), fills a shop, and runs
``vya-backupdb`` as a user would. Then it asks both databases itself whether they hold the same.
Leaves nothing running and no file behind, also when interrupted.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import shop
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from support import databases
from support.programs import Program, embedded_programs, found_programs, one_of_each
from support.servers import RunningServer, session

# For each family: its tables, and a checksum of a table's rows. MariaDB's own CHECKSUM TABLE will not do:
# it was seen to differ for equal rows with a bit column.
POSTGRESQL = (
    "SELECT relname, '' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")) FROM {table} t",
)
MYSQL = (
    (
        "SELECT table_name,"
        " group_concat('ifnull(hex(concat(`', column_name, '`)), ''-'')' ORDER BY ordinal_position)"
        " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = database() AND table_type = 'BASE TABLE' GROUP BY table_name"
    ),
    "SELECT count(*), sum(conv(left(sha2(concat_ws(',', {columns}), 256), 12), 16, 10)) FROM {table}",
)
SOURCE, TARGET = "shop", "shop2"


class Failed(Exception):
    """A step went wrong; the message is what there is to see."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: its screen, its private folder with ``config.yaml``."""

    screen: Console
    folder: Path

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Shows what is going on, and how long it took."""
        begun = time.monotonic()
        with self.screen.status(words):
            yield
        self.screen.print(
            Text.assemble(("  ✓ ", "green"), words, (f"  {time.monotonic() - begun:.1f} s", "dim"))
        )

    def run(self, *arguments: str) -> str:
        """Runs ``vya-backupdb`` with the arguments; gives what it wrote on stdout."""
        shown = "vya-backupdb " + shlex.join(a.replace(str(self.folder) + "/", "") for a in arguments)
        with self.step(shown):
            done = subprocess.run(
                [sys.executable, "-m", "python_backup", *arguments], cwd=self.folder, check=False,
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                env={
                    **os.environ, "VYA_BACKUPDB_CONFIG": str(self.folder / "config.yaml"), "COLUMNS": "100",
                    "TMPDIR": str(self.folder),  # even a killed run leaves nothing behind
                },
            )  # fmt: skip
            if done.returncode:
                raise Failed(f"{shown}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


@dataclass(slots=True)
class Result:
    """What the report shows of one server."""

    server: RunningServer
    rows: int = 0
    raw: int = 0
    stored: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long the block takes."""
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun


def chosen_programs() -> list[Program]:
    """The newest embedded PostgreSQL, or else the machine's; and a MariaDB or MySQL where there is one."""
    found = found_programs()
    others = [p for p in found if p.family == "mysql"]
    postgresql = list(embedded_programs()) or [p for p in found if p.family == "postgresql"]
    # the machine's own before one that was only put beside the checkout
    return one_of_each([*postgresql, *([p for p in others if not p.root] or others)])[::-1]


def write_config(folder: Path, servers: list[RunningServer]) -> None:
    """The config as an operator would have it; the passwords are in files of their own."""
    instances = []
    for server in servers:
        secret = folder / f"{server.dbms}.password"
        secret.write_text(server.password)
        secret.chmod(0o600)
        instances.append({
            "id": server.dbms, "name": server.id, "dbms": server.dbms,
            "host": server.host, "port": server.port, "username": server.superuser,
            "password": {"file": str(secret)}, "tools": {"path": server.bin},
        })  # fmt: skip
    backup = {"directory": str(folder / "backups"), "compression": {"format": "zstd", "level": 3}}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"backup": backup, "instances": instances}, sort_keys=False))
    config.chmod(0o600)


def fill(stage: Stage, server: RunningServer) -> None:
    """Makes the shop on the server."""
    with stage.step(f"make a shop of 100,000 rows in {server.id}"):
        databases.create(server, SOURCE)
        databases.execute(server, SOURCE, *shop.statements(server.dbms))


def go_round(stage: Stage, server: RunningServer) -> Result:
    """Backs up, verifies and restores the shop of one server."""
    result = Result(server)
    with result.timed("backup"):
        stage.run("backup", "-i", server.dbms, "-d", SOURCE)
    manifest = next((stage.folder / "backups").rglob(f"*_{server.dbms}_{SOURCE}.*.manifest.json"))
    artifact = manifest.with_name(manifest.name.removesuffix(".manifest.json"))
    stored = json.loads(manifest.read_text())["artifact"]
    result.raw, result.stored = stored["raw_size"], stored["size"]
    with result.timed("verify"):
        stage.run("verify", str(artifact))
    with result.timed("restore"):
        stage.run("restore", "-f", str(artifact), "-i", server.dbms, "-t", TARGET)
    with stage.step(f"ask {server.id} itself: do {SOURCE} and {TARGET} hold the same?"):
        result.rows = compare(server)
    return result


def compare(server: RunningServer) -> int:
    """The rows of all tables, once both databases were found to hold the same; see `contents`."""
    before, after = (contents(server, name) for name in (SOURCE, TARGET))
    if before != after:
        different = [t for t in before.keys() | after.keys() if before.get(t) != after.get(t)]
        raise Failed(f"{server.id}: {TARGET} differs in {', '.join(sorted(different))}")
    return sum(rows for rows, _ in before.values())


def contents(server: RunningServer, database: str) -> dict[str, tuple[int, str]]:
    """Rows and a checksum of the rows for each table, made by the server."""
    tables, checksum = POSTGRESQL if server.family == "postgresql" else MYSQL
    known = {}
    for name, columns in databases.rows(server, database, tables):
        question = checksum.format(table=databases.quoted(server, name), columns=columns)
        ((rows, answer),) = databases.rows(server, database, question)
        known[name] = rows, str(answer)
    return known


def report(screen: Console, results: list[Result], seconds: float) -> None:
    table = Table(title="Backed up, verified, restored, compared", title_style="bold", title_justify="left")
    table.add_column("server", no_wrap=True)
    for heading in ("rows", "dump", "stored", "ratio", "backup", "verify", "restore"):
        table.add_column(heading, justify="right")
    table.add_column("verdict", no_wrap=True)
    for result in results:
        table.add_row(
            f"{result.server.dbms} {result.server.version}", f"{result.rows:,}", f"{result.raw / 1e6:.1f} MB",
            f"{result.stored / 1e6:.1f} MB", f"{result.raw / max(1, result.stored):.1f}",
            *(f"{result.seconds[name]:.1f} s" for name in ("backup", "verify", "restore")),
            Text("identical", "bold green"),
        )  # fmt: skip
    screen.print()
    screen.print(table)
    screen.print(f"[dim]{seconds:.0f} s in all; nothing is left running, and no file left behind.[/dim]")


def play(screen: Console) -> None:
    begun = time.monotonic()
    programs = chosen_programs()
    results = []
    with tempfile.TemporaryDirectory(prefix="vya-demo-") as private, session() as servers:
        stage = Stage(screen, Path(private))
        with stage.step("start " + " and ".join(program.id for program in programs)):
            servers.begin(programs)
            running = [servers.wait(program) for program in programs]
        write_config(stage.folder, running)
        for server in running:
            fill(stage, server)
            results.append(go_round(stage, server))
        screen.print(Text("\n" + stage.run("list").rstrip()))
    report(screen, results, time.monotonic() - begun)
    if not any(program.family == "mysql" for program in programs):
        screen.print(
            "[dim]No MariaDB or MySQL server program is on this machine, so that half was left out.[/dim]"
        )


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    try:
        play(screen)
    except KeyboardInterrupt:
        screen.print("interrupted; the servers are gone, and the files too")
        return 130
    except (Failed, RuntimeError) as exc:
        screen.print(Text(f"error: {exc}", "red"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
