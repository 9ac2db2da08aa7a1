"""Several databases: each is asked about while the one before it is dumped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.instance import Instance, Limits, Retry, Secret
from python_backup.jobs.ahead import asking_ahead
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.connected import connected
from python_backup.jobs.parts.choosing import SINGLE
from python_backup.jobs.results import DatabaseResult
from python_backup.jobs.tries import Waits
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]


@pytest.fixture
def three(family_server: RunningServer, new_database: Name) -> tuple[str, ...]:
    """Three databases of one table each, which bears its database's name."""
    names = tuple(new_database(family_server, name) for name in ("one", "three", "two"))
    for name in names:
        databases.execute(family_server, name, f"CREATE TABLE of_{name} (id int)")
    return names


def backed_up(
    instance: Instance, names: tuple[str, ...], folder: Path, progress: Silence | None = None
) -> tuple[DatabaseResult, ...]:
    tried = replace(instance, retry=Retry(attempts=3, delay=1), limits=Limits(timeout=60))
    waits = Waits(lambda _: None, lambda: 0.5)
    request = BackupRequest((tried,), names, folder, Format.NONE, waits=waits)
    return back_up(request, progress or Silence(), lambda: datetime.now(UTC))


@contextmanager
def of_two_connections(server: RunningServer) -> Iterator[Instance]:
    """An account that may do everything, over two connections at once."""
    login, postgresql = "two_at_once", server.family == "postgresql"
    account = login if postgresql else f"{login}@'%'"
    made = (
        (
            f"CREATE ROLE {login} LOGIN CONNECTION LIMIT 2 PASSWORD '{login}'",
            f"GRANT pg_read_all_data TO {login}",
        )
        if postgresql
        else (
            f"CREATE USER {account} IDENTIFIED BY '{login}' WITH MAX_USER_CONNECTIONS 2",
            f"GRANT ALL ON *.* TO {account}",
        )
    )
    databases.execute(server, None, *made)
    try:
        yield replace(instance_for(server), username=login, password=Secret(lambda: login))
    finally:
        drops = (f"DROP OWNED BY {login}", f"DROP ROLE {login}") if postgresql else (f"DROP USER {account}",)
        databases.execute(server, None, *drops)


def test_each_database_is_held_against_its_own_catalogs(
    family_server: RunningServer, three: tuple[str, ...], tmp_path: Path
) -> None:
    results = backed_up(instance_for(family_server), three, tmp_path)
    assert [(result.database, result.outcome) for result in results] == [(name, "done") for name in three]
    for result in results:
        assert result.manifest is not None
        (table,) = result.manifest.facts.tables
        assert table.name.endswith(f"of_{result.database}")


def test_a_database_that_is_dropped_meanwhile_fails_alone(
    family_server: RunningServer, three: tuple[str, ...], tmp_path: Path
) -> None:
    @dataclass
    class Dropping(Silence):
        dropped: list[str] = field(default_factory=list)

        def advance(self, size: int) -> None:
            del size
            if not self.dropped:
                self.dropped.append(three[1])
                databases.drop(family_server, three[1])

    results = backed_up(instance_for(family_server), three, tmp_path, Dropping())
    assert [result.outcome for result in results] == ["done", "failed", "done"]


def test_an_account_of_two_connections_backs_up_several_databases(
    family_server: RunningServer, three: tuple[str, ...], tmp_path: Path
) -> None:
    with of_two_connections(family_server) as instance:
        results = backed_up(instance, three, tmp_path)
    assert {result.outcome for result in results} <= {"done", "partial"}, [r.error for r in results]


def test_what_was_asked_ahead_is_said_once_and_only_of_the_database_that_is_asked_for(
    family_server: RunningServer, three: tuple[str, ...]
) -> None:
    instance = replace(instance_for(family_server), retry=Retry())
    with connected(instance) as server, asking_ahead(instance, three, SINGLE) as ahead:
        assert ahead.of(three[0], server) is None  # its turn is now
        second = ahead.of(three[1], server)
        assert second is not None
        assert second.source.server is server
        assert any(f"of_{three[1]}" in name for name in second.source.expected["tables"])
        ahead.end()
        assert ahead.of(three[2], server) is None


def test_an_answer_that_has_waited_is_not_used(
    family_server: RunningServer, three: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("python_backup.jobs.ahead.FRESH", -1.0)
    instance = replace(instance_for(family_server), retry=Retry())
    with connected(instance) as server, asking_ahead(instance, three, SINGLE) as ahead:
        assert [ahead.of(name, server) for name in three] == [None, None, None]
