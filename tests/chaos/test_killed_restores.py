"""A restore over an existing database, ended at random moments in every way: one whole database is left.

``VYA_CHAOS=200`` asks for that many moments on each server; ``VYA_CHAOS_SEED`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.replacing import Swap
from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.model import Format
from support import databases
from support.chance import SEED
from support.forgotten import remembered
from support.servers import RunningServer, instance_for
from support.silence import Silence
from support.stoppable import Stoppable

MOMENTS = int(os.environ.get("VYA_CHAOS", "6"))
ROWS = 20_000
WINDOWS = ((0.25, 1.1), (0.65, 1.0))
"""Parts of an undisturbed run's time: all after the start of Python, and where databases change names."""

NAME = "shop `of\" 'all"
"""Every engine takes it, and no program may choke on it."""

OLD = {
    "postgresql": (
        "CREATE TABLE customer (id int PRIMARY KEY, held text)",
        "INSERT INTO customer SELECT i, 'old' FROM generate_series(1, 500) i",
        "CREATE TABLE only_old (a serial)",
        "CREATE VIEW spent AS SELECT count(*) FROM customer",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    "mysql": (
        "CREATE TABLE customer (id int PRIMARY KEY, held varchar(9))",
        "INSERT INTO customer VALUES " + ",".join(f"({i}, 'old')" for i in range(500)),
        "CREATE TABLE only_old (a int PRIMARY KEY AUTO_INCREMENT)",
        "CREATE VIEW spent AS SELECT count(*) FROM customer",
        "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1",
        "CREATE TRIGGER t BEFORE INSERT ON customer FOR EACH ROW SET NEW.held = 'old'",
        "CREATE TABLE child (id int, FOREIGN KEY (id) REFERENCES customer (id))",
    ),
}
NEW = {
    "postgresql": (
        "CREATE TABLE customer (id int PRIMARY KEY, held text, more text)",
        f"INSERT INTO customer SELECT i, 'new', repeat(i::text, 9) FROM generate_series(1, {ROWS}) i",
        "CREATE TABLE only_new (a int REFERENCES customer)",
        "CREATE VIEW spent AS SELECT sum(id) FROM customer",
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    ),
    "mysql": (
        "CREATE TABLE customer (id int PRIMARY KEY, held varchar(9), more text)",
        "INSERT INTO customer VALUES "
        + ",".join(f"({i}, 'new', repeat('{i}', 9))" for i in range(1, ROWS + 1)),
        "CREATE TABLE only_new (a int, FOREIGN KEY (a) REFERENCES customer (id))",
        "CREATE VIEW spent AS SELECT sum(id) FROM customer",
        "CREATE FUNCTION g() RETURNS int DETERMINISTIC RETURN 2",
        "CREATE TRIGGER u BEFORE INSERT ON customer FOR EACH ROW SET NEW.held = 'new'",
    ),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A target that holds the old contents, an artifact of the new ones, and a config for the program."""

    victim: Stoppable
    artifact: Path
    config: Path

    @property
    def server(self) -> RunningServer:
        return self.victim.server

    def argv(self, *words: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "python_backup",
            *words,
            "--instance",
            "1",
            "--config",
            str(self.config),
        ]

    def begin(self) -> subprocess.Popen[str]:
        """A restore that runs by itself."""
        words = ("restore", "--force", "--disconnect", "--file", str(self.artifact), "--target", NAME)
        return subprocess.Popen(
            self.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def undo(self) -> str:
        """Runs the undo command; gives its output."""
        done = subprocess.run(
            self.argv("restore", "--resume-or-undo", NAME),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def contents(self, database: str) -> tuple:
        """Everything in the database that there is to compare."""
        with closing(ENGINES[Dbms(self.server.dbms)].connect(instance_for(self.server))) as link:
            counted = dict(link.counts(database)), dict(link.objects(database))
            left = link.unfinished(database)
        held = databases.rows(self.server, database, "SELECT DISTINCT held FROM customer")
        used = databases.rows(self.server, database, "SELECT * FROM spent")
        return json.dumps((counted, held, used), default=str, sort_keys=True), left

    def names(self) -> set[str]:
        return set(databases.names(self.server))

    def turn_back(self, before: str) -> None:
        """Puts the old contents back for the next moment."""
        with closing(ENGINES[Dbms(self.server.dbms)].connect(instance_for(self.server))) as link:
            link.take_over(Swap(before, NAME, "spent", disconnect=True, keep_properties=False))
            link.drop("spent")


def config_of(server: RunningServer, folder: Path) -> Path:
    """A config of the one server that is the victim."""
    config = folder / "config.yaml"
    instance = {
        "id": 1, "name": "victim", "dbms": server.dbms, "host": server.host, "port": server.port,
        "username": server.superuser, "password": server.password.replace("$", "$$"),
    }  # fmt: skip
    if server.bin:
        instance["tools"] = {"path": server.bin}
    config.touch(mode=0o600)
    backup = {"directory": str(folder), "retry": {"delay": 1, "backoff": 1}}  # three tries, but sooner
    config.write_text(json.dumps({"backup": backup, "instances": [instance]}))
    return config


@pytest.fixture
def stage(victim: Stoppable, tmp_path: Path):
    server = victim.server
    for name, statements in (("source", NEW), (NAME, OLD)):
        databases.create(server, name)
        databases.execute(server, name, *statements[server.family])
    request = BackupRequest((instance_for(server),), ("source",), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.error is None
    config = config_of(server, tmp_path)
    yield Stage(victim, result.path, config)
    for name in ("source", NAME):
        databases.drop(server, name)


def _sigkill(stage: Stage, child: subprocess.Popen[str]) -> None:
    child.kill()


def _sigterm(stage: Stage, child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGTERM)


def _cut(stage: Stage, child: subprocess.Popen[str]) -> None:
    stage.victim.cut()


def _crash(stage: Stage, child: subprocess.Popen[str]) -> None:
    stage.victim.crash()


WAYS = {"SIGKILL": _sigkill, "SIGTERM": _sigterm, "cut connections": _cut, "server stopped": _crash}


@pytest.mark.timeout(120 + 30 * MOMENTS)
def test_a_restore_that_is_ended_leaves_the_old_database_or_the_new_one(stage: Stage) -> None:
    first = stage.names()
    old = stage.contents(NAME)[0]
    begun = time.monotonic()
    child = stage.begin()
    said, _ = child.communicate(timeout=120)
    length = time.monotonic() - begun
    assert child.returncode == 0, said
    new = stage.contents(NAME)[0]
    [before] = stage.names() - first
    stage.turn_back(before)
    assert (stage.contents(NAME)[0], stage.names()) == (old, first)

    chance = random.Random(SEED)
    outcomes = set()
    for number in range(MOMENTS):
        way = list(WAYS)[number % len(WAYS)]
        moment = chance.uniform(*WINDOWS[number // len(WAYS) % 2]) * length
        at = f"seed {SEED}, moment {number}: {way} after {moment:.3f} s of {length:.3f} s"
        child = stage.begin()
        time.sleep(moment)
        WAYS[way](stage, child)
        said, _ = child.communicate(timeout=120)
        assert "Traceback" not in said, f"{at}\n{said}"
        stage.victim.start()
        stage.victim.settle()
        remembered(stage.victim)
        told = stage.undo()
        held, unfinished = stage.contents(NAME)
        left = stage.names() - first
        at = f"{at}\nrestore: {child.returncode} {said}\nundo: {told}\nleft: {left}"
        assert unfinished is None, at
        assert held in (old, new), at
        outcomes.add(held)
        if held == old:
            assert left == set(), at
            continue
        [before] = left
        assert stage.contents(before)[0] == old, at
        stage.turn_back(before)
    assert outcomes <= {old, new}
