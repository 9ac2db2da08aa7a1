"""Many small databases on one server: all of them by one run of the program, and each by ``dump | zstd``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from bench.report import SECONDS, Measured
from bench.sides import Ours, Stock
from support import databases
from support.servers import RunningServer

BAR = 1.5
_TABLES, _ROWS = 10, 20


def lines(server: RunningServer, count: int, rounds: int, say: Callable[[str], None]) -> Iterator[Measured]:
    """The table's lines, of so many databases of ten tables each."""
    names = [f"many_{number:04}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="vya-bench-") as folder:
        ours, stock = Ours(server, Path(folder)), Stock(server, Path(folder))
        ours.configure("many_*")
        stock.configure()
        say(f"{server.id}: making {count} databases")
        _make(server, names)
        mine: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        for _ in range(rounds):
            run = ours.backup_all()
            mine.append((run.seconds, run.cpu))
            runs = [stock.backup(name, Path(folder) / f"{name}.zst") for name in names]
            theirs.append((sum(one.seconds for one in runs), sum(one.cpu for one in runs)))
        for name in names:
            databases.drop(server, name)
    for what, column, bar in (("", 0, BAR), (": clients' CPU", 1, None)):
        shown = f"{server.id}, {count} databases of {_TABLES} tables{what}"
        of_ours, of_stock = (tuple(pair[column] for pair in side) for side in (mine, theirs))
        yield Measured(shown, SECONDS, of_ours, of_stock, bar)


def _make(server: RunningServer, names: list[str]) -> None:
    """Ten tables of a few rows in each; PostgreSQL copies the first, which takes a tenth of the time."""
    for name in names:
        if server.family == "postgresql" and name != names[0]:
            databases.execute(server, None, f"CREATE DATABASE {name} TEMPLATE {names[0]}")
            continue
        databases.create(server, name)
        with closing(databases.connection(server, name)) as link, link.cursor() as cursor:
            for number in range(_TABLES):
                cursor.execute(
                    f"CREATE TABLE t{number} (id int PRIMARY KEY, v varchar(80), at timestamp NULL)"
                )
                rows = ", ".join(f"({n}, 'row {n} of table {number}', NULL)" for n in range(_ROWS))
                cursor.execute(f"INSERT INTO t{number} VALUES {rows}")
