"""A server that freezes, with its sockets open, is given up; one that only takes its time is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import python_backup.engines.mysql.connection as mysql_connection
import python_backup.engines.postgresql.connection as postgresql_connection
from python_backup.engines import liveness
from python_backup.engines.liveness import Patience
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, ConnectionFailed, ToolFailed
from python_backup.instance import Limits
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Format
from support import databases
from support.programs import Program
from support.servers import instance_for
from support.silence import Silence
from support.stoppable import Stoppable, lone_server

ROWS = 24
LARGE = {
    "postgresql": (
        "CREATE TABLE a (id int, v text)",
        "ALTER TABLE a ALTER v SET STORAGE EXTERNAL",
        f"INSERT INTO a SELECT n, repeat('x', 1000000) FROM generate_series(1, {ROWS}) n",
    ),
    "mysql": (
        "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)",
        *["INSERT INTO a (v) VALUES (REPEAT('x', 1000000))"] * ROWS,
    ),
}
SOON = Patience(silence=1, probes=2, seconds=2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PATIENCE", SOON)
    monkeypatch.setattr(mysql_connection, "LOGIN_SECONDS", 2)
    monkeypatch.setattr(postgresql_connection, "CONNECT_TIMEOUT", 2)


@pytest.fixture(scope="module")
def alone(lone_program: Program) -> Iterator[Stoppable]:
    """A server of this module alone, with one database of some megabytes."""
    with lone_server(lone_program) as one:
        databases.create(one.server, "d1")
        databases.execute(one.server, "d1", *LARGE[one.server.family])
        yield one


@pytest.fixture
def own(alone: Stoppable) -> Iterator[Stoppable]:
    """The server; afterwards nobody is connected to it, and there is the one database."""
    yield alone
    alone.cut()
    alone.settle()
    for name in databases.names(alone.server):
        if name.startswith("d2"):
            databases.drop(alone.server, name)


@dataclass
class Freezing(Silence):
    """Freezes the server when a step of this title has come so far; at the end it goes on."""

    one: Stoppable | None = None
    title: str = ""
    stack: ExitStack = field(default_factory=ExitStack)
    frozen: bool = False

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "bytes") -> Iterator[Freezing]:  # type: ignore[override]
        del total, unit
        self.current = title
        yield self

    def advance(self, size: int) -> None:
        del size
        if self.one is not None and not self.frozen and self.current.startswith(self.title):
            self.frozen = True
            self.stack.enter_context(self.one.frozen())


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def test_a_dump_of_a_server_that_freezes_is_given_up(own: Stoppable, tmp_path: Path) -> None:
    progress = Freezing(one=own, title="dumping")
    instance = replace(instance_for(own.server), limits=Limits(idle=1))
    with within(30), progress.stack:
        request = BackupRequest((instance,), ("d1",), tmp_path, Format.NONE)
        (result,) = back_up(request, progress, lambda: datetime.now(UTC))
    assert progress.frozen
    assert (result.outcome, type(result.error)) == ("failed", ToolFailed)
    assert "idle_timeout" in result.error.message
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_server_is_not_waited_for_by_backup_restore_or_plan(own: Stoppable, tmp_path: Path) -> None:
    instance = instance_for(own.server)
    request = BackupRequest((instance,), ("d1",), tmp_path, Format.NONE)
    (taken,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    with own.frozen(), within(40):
        (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
        assert isinstance(result.error, ConnectionFailed)
        assert result.error.transient
        with pytest.raises(ConnectionFailed):
            restore(
                RestoreRequest(taken.path, instance, "d2"),
                lambda _: True,
                Silence(),
                lambda: datetime.now(UTC),
            )


ASKED: dict[str, Callable[..., object]] = {
    "databases": lambda server: server.databases(),
    "lacks": lambda server: server.lacks("d1"),
    "expected": lambda server: server.expected("d1"),
    "surveyed": lambda server: server.surveyed("d1"),
    "counts": lambda server: server.counts("d1"),
}


@pytest.mark.sweep
@pytest.mark.parametrize("question", ASKED)
def test_a_question_to_a_server_that_froze_is_given_up(own: Stoppable, question: str) -> None:
    with closing(ENGINES[instance_for(own.server).dbms].connect(instance_for(own.server))) as server:
        with own.frozen(), within(25), pytest.raises(ConnectionFailed) as caught:
            ASKED[question](server)
        assert caught.value.transient
        assert server.databases() == ("d1",)  # once it goes on, it is asked anew


def test_a_restore_into_a_server_that_freezes_is_given_up(own: Stoppable, tmp_path: Path) -> None:
    instance = instance_for(own.server)
    request = BackupRequest((instance,), ("d1",), tmp_path, Format.NONE)
    (taken,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    progress = Freezing(one=own, title="restoring")
    with within(60), progress.stack, pytest.raises(BackupError) as caught:
        restore(
            RestoreRequest(taken.path, instance, "d2"), lambda _: True, progress, lambda: datetime.now(UTC)
        )
    assert progress.frozen, "the step has another name by now"
    assert isinstance(caught.value, ConnectionFailed), caught.value
    assert "d2" not in databases.names(own.server)


def test_a_server_that_takes_its_time_is_waited_for(own: Stoppable) -> None:
    instance = instance_for(own.server)
    if own.server.family == "postgresql":
        with closing(postgresql_connection.connect(instance, "d1")) as link:
            assert postgresql_connection.query(link, b"SELECT 7 FROM pg_sleep(3)") == [(b"7",)]
    else:
        with closing(mysql_connection.open_session(instance)) as session:
            assert session.rows("SELECT 7 + SLEEP(3)") == [(7,)]
