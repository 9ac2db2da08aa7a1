"""Faults of restores over an existing database, which stays as it was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from faults.fault import Fault
from faults.proxy import proxy
from faults.stage import BALLAST, SOURCE, Outcome, Stage
from support import databases

AIM = "aim"
AMID = 3_000_000
"""Bytes that went to the server: it is being filled."""


@contextmanager
def _aimed(stage: Stage) -> Iterator[None]:
    """A database to restore into, which is the same after the block; what else is left there is dropped."""
    before = databases.names(stage.server)
    databases.create(stage.server, AIM)
    databases.execute(
        stage.server, AIM, "CREATE TABLE kept (id int PRIMARY KEY)", "INSERT INTO kept VALUES (7)"
    )
    try:
        yield
        stage.victim.start()
        stage.victim.settle()
        assert databases.rows(stage.server, AIM, "SELECT id FROM kept") == [(7,)]
    finally:
        stage.victim.start()
        for name in set(databases.names(stage.server)) - set(before):
            databases.drop(stage.server, name)


def _words(file: Path, target: str = AIM, *more: str) -> tuple[str, ...]:
    return ("restore", "--file", str(file), "--target", target, "--force", *more)


def _earlier(stage: Stage, database: str = SOURCE) -> Path:
    """The backup that stands in the folder; a copy in a folder of its own, which may be spoilt."""
    (place := stage.root / "spoilt").mkdir()
    for path in stage.folder.glob(f"*_{database}.sql*"):
        shutil.copy(path, place)
    return next(path for path in place.iterdir() if path.suffix == ".gz")


def _spoilt(spoil: Callable[[Path], object], *more: str) -> Callable[[Stage], Outcome]:
    """What stands in the folder is spoilt before the restore."""

    def play(stage: Stage) -> Outcome:
        file = _earlier(stage)
        spoil(file)
        with _aimed(stage):
            return stage.run(*_words(file, AIM, *more))

    return play


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _configured(**instance: object) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        with _aimed(stage):
            stage.configure(instance=instance)
            return stage.run(*_words(_earlier(stage)))

    return play


def _stopped(stage: Stage) -> Outcome:
    with _aimed(stage):
        stage.victim.crash()
        return stage.run(*_words(_earlier(stage)))


def _ballast(stage: Stage) -> Path:
    """A backup of forty megabytes as it is; it takes more than one read."""
    place = stage.root / "plain"
    stage.configure(backup={"directory": str(place), "compression": {"format": "none"}})
    outcome = stage.backup(BALLAST)
    assert outcome.code == 0, outcome
    return next(path for path in place.iterdir() if path.suffix == ".sql")


def _amid(act: Callable[[Stage, Path, subprocess.Popen], object]) -> Callable[[Stage], Outcome]:
    """``act`` while the new database is being filled."""

    def play(stage: Stage) -> Outcome:
        file = _ballast(stage)
        started: list[subprocess.Popen] = []
        where = (stage.server.host, stage.server.port)
        with (
            _aimed(stage),
            proxy(where, watched="up", after=AMID, act=lambda _: act(stage, file, started[0])) as way,
        ):
            stage.configure(instance={"port": way.port})
            begun = time.monotonic()
            started.append(stage.begin(*_words(file)))
            return stage.ended(started[0], begun, 200)

    return play


def _cut(stage: Stage) -> Outcome:
    file = _ballast(stage)
    with _aimed(stage), proxy((stage.server.host, stage.server.port), watched="up", after=AMID) as way:
        stage.configure(instance={"port": way.port})
        return stage.run(*_words(file), patience=200)


def _silent(stage: Stage) -> Outcome:
    """The way to the server passes nothing on any more, and nobody says so."""
    file = _ballast(stage)
    where = (stage.server.host, stage.server.port)
    with _aimed(stage), proxy(where, watched="up", after=AMID, act=lambda way: way.freeze()) as way:
        stage.configure(instance={"port": way.port, "idle_timeout": 3})
        outcome = stage.run(*_words(file), patience=100)
        stage.victim.cut()
        return outcome


def _rewritten(_stage: Stage, file: Path, _child: subprocess.Popen) -> None:
    """Other bytes of the same length, far behind what was read."""
    descriptor = os.open(file, os.O_RDWR)
    os.pwrite(descriptor, b"f" * 64, 30_000_000)
    os.close(descriptor)


def _signalled(number: int) -> Callable[[Stage], Outcome]:
    return _amid(lambda _stage, _file, child: child.send_signal(number))


def _killed(stage: Stage) -> Outcome:
    """SIGKILL amid the load; the next restore is well."""
    outcome = _signalled(signal.SIGKILL)(stage)
    databases.create(stage.server, AIM)
    try:
        stage.configure()
        after = stage.run(*_words(_earlier(stage)))
        assert after.code == 0, after
    finally:
        for name in databases.names(stage.server):
            if name.startswith(AIM):
                databases.drop(stage.server, name)
    return outcome


def _busy(stage: Stage) -> Outcome:
    with _aimed(stage), closing(databases.connection(stage.server, AIM)) as link, link.cursor() as cursor:
        cursor.execute("SELECT 1")
        return stage.run(*_words(_earlier(stage)))


def _unagreed(stage: Stage) -> Outcome:
    with _aimed(stage):
        return stage.run("restore", "--file", str(_earlier(stage)), "--target", AIM)


def _unallowed(stage: Stage) -> Outcome:
    """The account may log in, and make nothing."""
    name = "limited" if stage.family == "postgresql" else "limited@'%'"
    make = (
        "CREATE ROLE {} LOGIN PASSWORD 'limited'"
        if stage.family == "postgresql"
        else "CREATE USER {} IDENTIFIED BY 'limited'"
    )
    databases.execute(stage.server, None, make.format(name))
    try:
        return _configured(username="limited", password="limited")(stage)
    finally:
        databases.execute(stage.server, None, f"DROP {make.split()[1]} {name}")


def _written(*statements: str) -> Callable[[Stage], Outcome]:
    """A file of somebody else with these statements."""

    def play(stage: Stage) -> Outcome:
        file = stage.root / "foreign.sql"
        file.write_text("\n".join(statements) + "\n")
        with _aimed(stage):
            return stage.run(*_words(file))

    return play


def _onto(target: str) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        with _aimed(stage):
            return stage.run(*_words(_earlier(stage), target))

    return play


def _two(stage: Stage) -> Outcome:
    """Two at once: one fills it, the other waits for nobody."""
    file = _ballast(stage)
    before = databases.names(stage.server)
    stage.configure()
    begun = time.monotonic()
    children = [stage.begin(*_words(file)) for _ in range(2)]
    outcomes = sorted((stage.ended(child, begun, 200) for child in children), key=lambda one: one.code)
    try:
        assert databases.rows(stage.server, AIM, "SELECT count(*) FROM heavy") == [(40,)]
        assert outcomes[0].code == 0, outcomes[0]
    finally:
        for name in set(databases.names(stage.server)) - set(before):
            databases.drop(stage.server, name)
    return outcomes[1]


DAMAGED = "sum|damaged|truncated|end|JSON|differs|not what"
LOST = r"closed|[Ll]ost|gone|terminat|reset|broken|refused|cannot connect"
CLASH = (
    "CREATE TABLE a (id int PRIMARY KEY);",
    "INSERT INTO a VALUES (1);",
    "INSERT INTO a VALUES (1);",
)

FAULTS = (
    Fault("restore: the artifact is cut by one byte", _spoilt(lambda path: os.truncate(path, path.stat().st_size - 1)), 5, DAMAGED),
    Fault("restore: the artifact is empty", _spoilt(lambda path: os.truncate(path, 0)), 5, DAMAGED + "|empty"),
    Fault("restore: one bit of the artifact is changed", _spoilt(_flipped), 5, DAMAGED),
    Fault("restore: one bit of the manifest is changed", _spoilt(lambda path: _flipped(_beside(path, ".manifest.json"))), 5, "manifest"),
    Fault("restore: the manifest is cut", _spoilt(lambda path: os.truncate(_beside(path, ".manifest.json"), 300)), 5, "manifest"),
    Fault("restore: the artifact is not there", _spoilt(Path.unlink), 5, "sql.gz"),
    Fault("restore: the artifact is a folder", _spoilt(_folder), 5, "sql.gz"),
    Fault("restore: the file is no dump", _written("Dear sir,", "I have no dump."), (1, 5, 8), "."),
    Fault("restore: the artifact is cut while it is loaded", _amid(lambda _, file, child: os.truncate(file, 20_000_000)), (1, 5, 6), DAMAGED),
    Fault("restore: the artifact is changed while it is loaded", _amid(_rewritten), (5, 6), "sum|differ|changed|not what"),
    Fault("restore: the server is killed amid the load", _amid(lambda stage, *_: stage.victim.crash()), (1, 4), LOST),
    Fault("restore: every session is ended amid the load", _amid(lambda stage, *_: stage.victim.cut()), (1, 4), LOST),
    Fault("restore: the connection is cut amid the load", _cut, (1, 4), LOST),
    Fault("restore: the network falls silent amid the load", _silent, (1, 4), "no answer for 3 s"),
    Fault("restore: SIGTERM amid the load", _signalled(signal.SIGTERM), 143, "SIGTERM"),
    Fault("restore: SIGINT amid the load", _signalled(signal.SIGINT), 130, "SIGINT"),
    Fault("restore: SIGHUP amid the load", _signalled(signal.SIGHUP), 129, "SIGHUP"),
    Fault("restore: SIGKILL amid the load", _killed, -9, "", killed=True),
    Fault("restore: the server is not running", _stopped, 4, LOST + "|answer"),
    Fault("restore: the password is wrong", _configured(password="wrong"), 4, "password|denied|authentication"),
    Fault("restore: the account may make nothing", _unallowed, (1, 4, 8), "permit|permission|denied|right|GRANT|privilege|no database"),
    Fault("restore: others use the target", _busy, 8, AIM),
    Fault("restore: nobody agreed to it", _unagreed, 8, "--force"),
    Fault("restore: a statement fails", _written(*CLASH), 1, "line 3|[Dd]uplicate"),
    Fault("restore: the target is the server's own", _onto("template1"), 8, "own", families=("postgresql",)),
    Fault("restore: the target is the server's own", _onto("mysql"), 8, "own", families=("mysql",)),
    Fault("restore: the target's name is too long", _onto("x" * 65), (1, 2, 8), "x{60}|too long"),
    Fault("restore: two at once", _two, (0, 8), "", ends="done", why="one after the other, or refused"),
)  # fmt: skip
