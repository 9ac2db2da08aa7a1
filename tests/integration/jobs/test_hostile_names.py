"""Databases of hostile names through backup, restore over themselves and under another, and rollback.

Each name goes alone, and exact: what looks only at the rows tells which database one has before one.
By default forty names on one server of each family, more of them on all servers with ``VYA_CHAOS``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import psycopg
import pymysql
import pytest

from python_backup.engines.table import ENGINES
from python_backup.errors import Refused
from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.merge import MergeRequest, merge
from python_backup.jobs.plan import plan
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rollback import roll_back
from python_backup.policy.beside import BEFORE, RESTORING, is_beside_of
from python_backup.stream.artifact import read_artifact
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, Session, instance_for
from support.silence import Silence

NAMES = (
    "a b", "a`b", "a'b", 'a"b', "-x", "--help", "a\\b", "a/b", "../../p", "a.b", ".", "..", "a;touch p", "$(touch p)",
    "a%b", "%s", "a\nb", "a\tb", "ünï日本", "NULL", "select", "a=b", "postgresql://x", "*", "[a]", "{x}", "#", "&",
    "|touch p", "<x>", "~", "^", "CASE", "case", "t", "ends__before_20260101_000000", "1",
)  # fmt: skip
FURTHER = (
    "a  b", "``", "''", '""', "--", "\\! touch p", "...", "'; DROP TABLE t; --", "/* x */", "`touch p`", "${HOME}",
    "%(x)s", "a\rb", "\x01", "e\u0301", "\u202eabc", "DEFAULT", "true", "1e5", "0x41", "mysql://u:p@h/d",
    "dbname=x host=y", "?", "{0}", ">p", "!", "@", "a@b", "a,b", "a:b", "(x)", "who", "long_" + "y" * 50,
    "ends__restoring_20260101_000000", "ends__before_", "trigger", "a_", " leading",
)  # fmt: skip
"""Those beyond the forty: with ``VYA_CHAOS`` alone."""
OF_FAMILY = {
    "postgresql": ("trailing ", "😀", "x" * 63, "é" * 31),
    "mysql": ("é" * 64, "x" * 64, "w" * 50, "a$b"),
}
SAMPLE = ("a`b'c\"d\\e", "$(touch p)/ünï日本 --")
"""What goes on every server at hand; the rest on one of each family, or with ``VYA_CHAOS`` on all."""
REFUSED = {
    "postgresql": {"": "zero-length delimited identifier", "a\0b": "null character|NUL|null byte|unterminated quoted"},
    "mysql": {
        "": "Incorrect database name", "trailing ": "Incorrect database name", "x" * 65: "too long|Incorrect database name",
        "a\0b": "Incorrect database name|error in your SQL syntax",
    },
}  # fmt: skip
"""What a server has no database of, and its own word for it. PostgreSQL cuts what is longer than 63
bytes, so that there is no such name either; U+0000 and the empty name are in no engine."""

FILL = {
    "postgresql": (
        "CREATE TABLE {own}t (id INT PRIMARY KEY, who VARCHAR(20))",
        "CREATE VIEW seen AS SELECT who FROM {own}t",
        "CREATE FUNCTION told() RETURNS TEXT LANGUAGE sql STABLE AS 'SELECT max(who)::text FROM {own}t'",
    ),
    "mysql": (
        "CREATE TABLE {own}t (id INT PRIMARY KEY, who VARCHAR(20))",
        "CREATE TABLE log (who VARCHAR(20))",
        "CREATE VIEW seen AS SELECT who FROM {own}t",
        "CREATE FUNCTION told() RETURNS TEXT DETERMINISTIC RETURN (SELECT MAX(who) FROM {own}t)",
        "CREATE TRIGGER noted AFTER UPDATE ON t FOR EACH ROW INSERT INTO {own}log VALUES (NEW.who)",
    ),
}


@dataclass
class Clock:
    """A second later each time it is looked at, so that what is kept has names of its own."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass(frozen=True)
class Subject:
    """One database of one name: made, changed, looked at."""

    server: RunningServer
    name: str

    def make(self, who: str) -> None:
        databases.drop(self.server, self.name)
        databases.create(self.server, self.name)
        own = databases.quoted(self.server, self.name) + "." if self.server.family == "mysql" else "public."
        made = (statement.replace("{own}", own) for statement in FILL[self.server.family])
        databases.execute(self.server, self.name, *made, f"INSERT INTO t VALUES (1, '{who}')")

    def change(self, who: str) -> None:
        databases.execute(self.server, self.name, f"UPDATE t SET who = '{who}'")

    def content(self) -> tuple[str, str, str]:
        """Read from the table, through the view and through the function."""
        table, view, told = databases.rows(
            self.server, self.name, "SELECT who FROM t UNION ALL SELECT who FROM seen UNION ALL SELECT told()"
        )
        return table[0], view[0], told[0]

    def beside(self) -> list[str]:
        """What stands on the server because of it."""
        fits = ENGINES[instance_for(self.server).dbms].fits
        return [
            name for name in databases.names(self.server)
            if is_beside_of(self.name, name, BEFORE, fits) or is_beside_of(self.name, name, RESTORING, fits)
        ]  # fmt: skip

    def drop(self) -> None:
        for name in (*self.beside(), self.name):
            databases.drop(self.server, name)


@pytest.fixture
def subject_on(servers: Session) -> Iterator[Callable[[RunningServer, str], Subject]]:
    """A database of just this name; it and what is beside it are gone afterwards.

    Other tests here, in other processes, may want the same name of the same server: one goes after the other.
    """
    with ExitStack() as stack:

        def named(server: RunningServer, name: str) -> Subject:
            stack.enter_context(servers.reserved(server, sha256(name.encode()).hexdigest()))
            one = Subject(server, name)
            one.drop()
            stack.callback(one.drop)
            return one

        yield named


@pytest.fixture
def subject(
    family_server: RunningServer, subject_on: Callable[[RunningServer, str], Subject]
) -> Callable[[str], Subject]:
    """The same on one server of each family."""
    return partial(subject_on, family_server)


def names(family: str) -> tuple[str, ...]:
    """All that a server of this family can have."""
    return (*NAMES, *OF_FAMILY[family], *(FURTHER if os.environ.get("VYA_CHAOS") else ()))


def replaced(
    server: RunningServer, file: Path | None, target: str, clock: Clock, safety: Safety | None = None
) -> RestoreReport:
    assert file is not None
    request = RestoreRequest(file, instance_for(server), target, force=True, safety=safety)
    report = restore(request, lambda _: False, Silence(), clock)
    assert report.equal, report.comparison
    assert report.taken_over
    return report


def thrice(who: str) -> tuple[str, str, str]:
    return who, who, who


@pytest.mark.sweep
@pytest.mark.parametrize("place", range(max(len(names(family)) for family in OF_FAMILY)))
def test_a_database_of_any_name_goes_out_and_in_and_back(
    family_server: RunningServer, subject: Callable[[str], Subject], place: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    known = names(family_server.family)
    monkeypatch.chdir(tmp_path)
    goes_out_and_in_and_back(subject(known[place]), subject(f"{known[place - 1][:20]}_{place}"), tmp_path)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_few_of_them_go_on_every_server(
    any_server: RunningServer, subject_on: Callable[[RunningServer, str], Subject], name: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    goes_out_and_in_and_back(subject_on(any_server, name), subject_on(any_server, f"{name}_2"), tmp_path)


def keeps(subject: Subject, before: str | None, who: str) -> None:
    """What was replaced stands beside it; where the server could not move it, it is in a safety backup."""
    assert before is not None
    if Path(before).is_absolute():
        assert subject.beside() == []
        assert who.encode() in b"".join(read_artifact(Path(before)))
        return
    assert subject.beside() == [before]
    assert databases.rows(subject.server, before, "SELECT who FROM t") == [(who,)]


def goes_out_and_in_and_back(one: Subject, other: Subject, tmp_path: Path) -> None:
    """Backup, restore over itself, rollback twice, restore under the other's name."""
    server, name, instance, clock = one.server, one.name, instance_for(one.server), Clock()
    place = InPlace(instance, Safety(tmp_path / "backups" / "safety"), Silence(), clock)
    one.make("first")
    other.make("other")

    result = backed_up(instance, name, tmp_path / "backups")
    assert (result.error, result.database) == (None, name)
    one.change("second")
    report = replaced(server, result.path, name, clock, place.safety)
    assert one.content() == thrice("first")
    keeps(one, report.before or str(report.safety), "second")

    for expected, kept in (("second", "first"), ("first", "second")):
        back = roll_back(instance, name, clock, place=place)
        assert one.content() == thrice(expected)
        keeps(one, back.before, kept)
    assert other.content() == thrice("other")

    one.change("third")
    report = replaced(server, result.path, other.name, clock, place.safety)
    assert other.content() == thrice("first")
    keeps(other, report.before or str(report.safety), "other")
    other.change("fourth")
    assert (one.content(), other.content()) == (thrice("third"), thrice("fourth"))
    assert [path.name for path in tmp_path.iterdir()] == ["backups"]


NEIGHBOURS = (
    ("Upper", "upper"), ("tést", "test"), ("under_score", "underXscore"), ("per%cent", "perXXcent"),
    ("mine", "mine__before_20200101_000000x"), ("a.b.c", "a.b"), ("back\\slash", "backslash"), ("sharp ß", "sharp ss"),
)  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize(("name", "near"), NEIGHBOURS)
def test_a_database_of_nearly_the_same_name_is_left_alone(
    family_server: RunningServer, subject: Callable[[str], Subject], name: str, near: str, tmp_path: Path
) -> None:
    instance, clock = instance_for(family_server), Clock()
    one, neighbour = subject(name), subject(near)
    one.make("first")
    neighbour.make("near")
    path = backed_up(instance, name, tmp_path).path
    one.change("second")

    report = replaced(family_server, path, name, clock)
    assert (one.content(), neighbour.content()) == (thrice("first"), thrice("near"))
    assert (one.beside(), neighbour.beside()) == ([report.before], [])
    back = roll_back(instance, name, clock)
    assert (one.content(), neighbour.content()) == (thrice("second"), thrice("near"))

    path = backed_up(instance, near, tmp_path / "near").path
    neighbour.change("nearer")
    near_report = replaced(family_server, path, near, clock)
    assert (one.content(), neighbour.content()) == (thrice("second"), thrice("near"))
    assert (one.beside(), neighbour.beside()) == ([back.before], [near_report.before])


def test_what_is_no_database_name_is_refused_by_the_server_itself(family_server: RunningServer) -> None:
    for name, said in REFUSED[family_server.family].items():
        with pytest.raises((psycopg.Error, pymysql.err.Error, ValueError), match=said):
            databases.create(family_server, name)


def test_a_name_that_the_server_would_change_is_refused_and_nothing_is_made(
    family_server: RunningServer, subject: Callable[[str], Subject], tmp_path: Path
) -> None:
    """MySQL 9.7 makes a database ``?`` when it is told to make one of a character beyond U+FFFF.

    PostgreSQL has names of any character.
    """
    source, question = subject("from"), subject("?")
    source.make("first")
    question.make("mine")
    path = backed_up(instance_for(family_server), "from", tmp_path).path
    if family_server.family == "mysql":
        with pytest.raises(Refused, match="no name of a database or table"):
            replaced(family_server, path, "😀", Clock())
        assert question.beside() == []
    else:
        target = subject("😀")
        target.make("second")
        replaced(family_server, path, target.name, Clock())
        assert target.content() == thrice("first")
    assert question.content() == thrice("mine")


OWN = {
    "postgresql": ("template0", "template1"),
    "mysql": ("mysql", "sys", "information_schema", "performance_schema", "Sys"),
}


def test_the_servers_own_databases_are_never_replaced(
    family_server: RunningServer, subject: Callable[[str], Subject], tmp_path: Path
) -> None:
    source, instance = subject("from"), instance_for(family_server)
    source.make("first")
    path = backed_up(instance, "from", tmp_path).path
    assert path is not None

    def own_names() -> set[str]:  # other tests make and drop databases on this server meanwhile
        return {name for name in databases.names(family_server) if name.startswith(OWN[family_server.family])}

    before = own_names()
    for own in OWN[family_server.family]:
        with pytest.raises(Refused, match="one of the server's own"):
            replaced(family_server, path, own, Clock())
        with pytest.raises(Refused, match="one of the server's own"):
            merge(MergeRequest(path, instance, "keep", target=own), Silence())
        with pytest.raises(Refused, match="one of the server's own"):
            plan(RestoreRequest(path, instance, own), Silence(), Clock())
    assert own_names() == before


def test_there_are_many_hostile_names() -> None:
    assert {family: len(set(names(family))) >= 40 for family in OF_FAMILY} == dict.fromkeys(OF_FAMILY, True)
