"""A server that ends every SELECT after so many rows, as its own setting says, loses no row of a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.jobs.test_parts import in_parts
from python_backup.errors import Refused
from support import databases
from support.jobs import backed_up, facts
from support.servers import RunningServer, instance_for

TABLES = 12


@pytest.fixture
def limited(private_mysql_server: RunningServer) -> Iterator[RunningServer]:
    databases.execute(private_mysql_server, None, "SET GLOBAL sql_select_limit = 3")
    yield private_mysql_server
    databases.execute(private_mysql_server, None, f"SET GLOBAL sql_select_limit = {2**64 - 1}")


@pytest.mark.parametrize("take", [backed_up, in_parts])
def test_all_rows_of_all_tables_are_there_or_the_backup_is_refused(
    limited: RunningServer, new_database: Callable[..., str], tmp_path: Path, take: Callable[..., object]
) -> None:
    name = new_database(limited, "limited")
    for number in range(TABLES):
        databases.execute(
            limited,
            name,
            f"CREATE TABLE t{number} (v INT)",
            f"INSERT INTO t{number} VALUES (1), (2), (3), (4)",
        )
    result = take(instance_for(limited), name, tmp_path)
    if limited.dbms == "mariadb":  # mariadb-dump can be told nothing
        assert isinstance(result.error, Refused)
        assert result.error.message.startswith("the server ends every SELECT after 3 rows (sql_select_limit)")
        assert result.error.hint == f"SET GLOBAL sql_select_limit = {2**64 - 1}"
        assert not list(tmp_path.glob("*mysql*"))
    else:
        held = facts(result)
        assert {table.name: table.rows for table in held.tables} == {f"t{n}": 4 for n in range(TABLES)}


def test_a_backup_whose_own_options_would_undo_it_is_refused(
    limited: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    name = new_database(limited, "limited")
    databases.execute(limited, name, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1), (2), (3), (4)")
    options = ("--init-command=SET SESSION net_read_timeout = 60",)
    result = backed_up(replace(instance_for(limited), options=options), name, tmp_path)
    assert isinstance(result.error, Refused)
    assert result.error.message.startswith("the server ends every SELECT after 3 rows (sql_select_limit)")
