"""Restores between each two servers of a family: equal to the last digest, or blocked by the plan with its reason.

The shop goes from each to each. The databases of everything hold what only some servers have: where the
target lacks it, plan and restore refuse in the same words, and the target stays what it was.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.engines.mysql import everything
from python_backup.engines.finding import Severity
from python_backup.errors import Refused
from python_backup.jobs.in_place import Safety
from python_backup.jobs.plan import Plan, Verdict, plan
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Facts
from python_backup.storage.folder import manifest_of
from support import databases, shop
from support.jobs import backed_up, facts
from support.pg_trips import script
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
Pair = tuple[RunningServer, RunningServer]
SCRIPT = Path(__file__).parents[1] / "engines" / "postgresql" / "everything.sql"

POSTGRESQL_SINCE = {14: {"a function with an atomic body"}, 18: {"a virtual generated column"}}
"""What the everything of a PostgreSQL has that those before this one have not."""

MARIADB_ALONE = {
    "the sequence", "the package", "system versioning", "a period", "the type INET6", "the engine ARIA",
    "values of generated columns", "a key WITHOUT OVERLAPS", "a program in Oracle's language",
}  # fmt: skip
MYSQL_ALONE = {"an index of an expression", "a CHECK that is not enforced"}
"""The words that a reason begins with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A backup, and a sum of each table's values as the driver gives them: whatever the dump's text."""

    artifact: Path
    values: Mapping[str, str]

    @property
    def facts(self) -> Facts:
        manifest = manifest_of(self.artifact)
        assert manifest is not None
        return manifest.facts


def all_there_is(server: RunningServer, database: str) -> None:
    if server.family == "postgresql":
        databases.execute(server, database, script(SCRIPT, server.major[0]))
    else:
        everything.build(server, database)


def all_in_common(server: RunningServer, database: str) -> None:
    """What MySQL and MariaDB both have and take from each other."""
    everything.build_common(server, database)
    if server.dbms == "mariadb":
        databases.execute(server, database, "DROP TABLE computed")


def plain(server: RunningServer, database: str) -> None:
    shop.build(server, database)


def values_of(server: RunningServer, database: str) -> dict[str, str]:
    """A sum over the rows of each table of MySQL or MariaDB, invisible columns too."""
    if server.family == "postgresql":
        return {}  # its dumps' texts are the same in all versions
    columns: dict[str, list[str]] = {}
    for table, column in databases.rows(
        server, database,
        "SELECT c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'"
        " ORDER BY c.table_name, c.ordinal_position",
    ):  # fmt: skip
        columns.setdefault(table, []).append(databases.quoted(server, column))
    found = {
        table: databases.rows(
            server, database, f"SELECT {', '.join(names)} FROM {databases.quoted(server, table)}"
        )
        for table, names in columns.items()
    }
    return {
        table: hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
        for table, rows in found.items()
    }


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same for all of its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def source_of(server: RunningServer, fill: Callable[[RunningServer, str], None], folder: Path) -> Source:
    """A database that was filled so, backed up; the first process that wants it makes it for all."""
    place = folder / f"{fill.__name__}-{server.id}"
    with (folder / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with databases.database(server, f"{fill.__name__}_{uuid.uuid4().hex[:8]}") as name:
                fill(server, name)
                facts(backed_up(instance_for(server), name, place))
                (place / "values.json").write_text(json.dumps(values_of(server, name)))
    (artifact,) = place.glob("*.sql.zst")
    return Source(artifact, json.loads((place / "values.json").read_text()))


@dataclass(frozen=True, slots=True)
class Target:
    """A server and a database on it that is to be replaced; whatever happens, it is there."""

    server: RunningServer
    database: str
    folder: Path

    def request(self, source: Source) -> RestoreRequest:
        instance, safety = instance_for(self.server), Safety(self.folder / "safety")
        return RestoreRequest(source.artifact, instance, self.database, force=True, safety=safety)

    def plan(self, source: Source) -> Plan:
        return plan(self.request(source), Silence(), now)

    def becomes(self, source: Source, *, told_otherwise: Collection[str] = ()) -> None:
        """The restore goes through, and a second dump says the same but for tables that are told otherwise."""
        report = restore(self.request(source), lambda _: False, Silence(), now)
        assert report.equal, report.comparison
        second = facts(backed_up(instance_for(self.server), self.database, self.folder))
        first = {t.name: (t.rows, t.digest) for t in source.facts.tables}
        found = {t.name: (t.rows, t.digest) for t in second.tables}
        assert {name for name in first if found.pop(name, None) != first[name]} == set(told_otherwise)
        assert found == {}
        assert second.sequences == source.facts.sequences
        assert values_of(self.server, self.database) == source.values

    def refuses(self, source: Source, made: Plan) -> set[str]:
        """Nothing is made or changed; the reasons are the plan's, without line and names."""
        blocks = [f.text for f in made.findings if f.severity == Severity.BLOCKS and f.kind == "bridge"]
        there = {name for name in databases.names(self.server) if self.database in name}
        with pytest.raises(Refused) as refused:
            restore(self.request(source), lambda _: False, Silence(), now)
        assert refused.value.exit_code == 8
        assert refused.value.message.splitlines()[1:] == [f"  {text}" for text in blocks]
        assert {name for name in databases.names(self.server) if self.database in name} == there
        assert databases.rows(self.server, self.database, "SELECT n FROM own") == [(42,)]
        return {re.sub(r"^line \d+: (.*): [^:]*$", r"\1", text) for text in blocks}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def target(server_pair: Pair, new_database: Name, tmp_path: Path) -> Iterator[Target]:
    server = server_pair[1]
    name = new_database(server, "cross")
    databases.execute(server, name, "CREATE TABLE own (n INT)", "INSERT INTO own VALUES (42)")
    yield Target(server, name, tmp_path)
    for kept in databases.names(server):
        if kept.startswith(f"{name}__"):
            databases.drop(server, kept)


def told_otherwise(source: RunningServer, server: RunningServer, tables: Collection[str]) -> set[str]:
    """The tables whose rows the two dump programs write as different text: the values are the same.

    Bytes are ``_binary '…'`` to mysqldump, ``'…'`` to mariadb-dump for bits and shapes, and ``0x…`` to
    mariadb-dump from 11.8 on; generated columns are filled by mariadb-dump, and left out by mysqldump;
    history is in no dump of mariadb-dump 10.5.
    """

    def bits(one: RunningServer) -> str:
        return one.dbms if one.dbms == "mysql" or one.major < (11,) else "mariadb-11"

    otherwise = {"numbers", "shapes"} if bits(source) != bits(server) else set()
    if source.dbms != server.dbms:
        otherwise |= {"binaries", "computed", "category"}
    if (source.major < (10, 11)) is not (server.major < (10, 11)):
        otherwise |= {"history"}
    return otherwise & {*tables}


def lacking(source: RunningServer, server: RunningServer) -> set[str]:
    """What the everything of one server has that the other has nothing like."""
    if source.family == "postgresql":
        since = {major for major in POSTGRESQL_SINCE if server.major[0] < major <= source.major[0]}
        return {name for major in since for name in POSTGRESQL_SINCE[major]}
    if source.dbms == "mysql":
        return MYSQL_ALONE
    lacks = MARIADB_ALONE if server.dbms == "mysql" else set()
    if source.major >= (10, 11) and (server.dbms == "mysql" or server.major < (10, 11)):
        lacks = lacks | {"the history of table"}
    if source.major >= (10, 11) and (lacks or (source.major < (11, 5)) is not (server.major < (11, 5))):
        lacks = lacks | {"current rows of table"}
    return lacks


def names(facts: Facts) -> list[str]:
    return [table.name for table in facts.tables]


def test_a_plain_database_goes_from_each_server_to_each(
    server_pair: Pair, target: Target, shared: Path
) -> None:
    source = source_of(server_pair[0], plain, shared)
    made = target.plan(source)
    assert made.verdict in {Verdict.READY, Verdict.CHANGES}, made.findings
    target.becomes(source, told_otherwise=told_otherwise(*server_pair, names(source.facts)))


def test_everything_comes_over_or_is_blocked_with_its_reason(
    server_pair: Pair, target: Target, shared: Path
) -> None:
    source = source_of(server_pair[0], all_there_is, shared)
    expected, made = lacking(*server_pair), target.plan(source)
    if not expected:
        assert made.verdict != Verdict.BLOCKED, made.findings
        target.becomes(source, told_otherwise=told_otherwise(*server_pair, names(source.facts)))
        return
    assert made.verdict == Verdict.BLOCKED
    reasons = target.refuses(source, made)
    assert {name for name in expected if any(reason.startswith(name) for reason in reasons)} == expected
    assert {reason for reason in reasons if not reason.startswith(tuple(expected))} == set()


def test_all_that_mysql_and_mariadb_have_in_common_comes_over(
    server_pair: Pair, target: Target, shared: Path
) -> None:
    if server_pair[0].dbms == server_pair[1].dbms:
        return  # the database of everything has it all
    source = source_of(server_pair[0], all_in_common, shared)
    assert target.plan(source).verdict == Verdict.CHANGES
    target.becomes(source, told_otherwise=told_otherwise(*server_pair, names(source.facts)))
