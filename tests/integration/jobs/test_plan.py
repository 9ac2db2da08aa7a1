"""Plans of restores, against every server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.choices import Choices
from python_backup.dump.pick import Pick
from python_backup.engines.finding import Severity
from python_backup.engines.table import ENGINES
from python_backup.errors import Refused
from python_backup.instance import Instance, Secret
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.in_place import Safety
from python_backup.jobs.plan import Plan, Verdict, plan
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
TABLES = (
    "create table item (id int primary key, name varchar(20))",
    "insert into item values (1, 'a'), (2, 'b')",
)
HEADS = {"postgresql": "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version {}\n-- Dumped by pg_dump version 18.0\n\n",
         "mysql": "-- MySQL dump 10.13  Distrib 9.7.0, for Linux (x86_64)\n--\n-- Host: x    Database: shop\n-- ------\n-- Server version\t{}\n\n"}  # fmt: skip
ENDS = {
    "postgresql": "\n--\n-- PostgreSQL database dump complete\n--\n",
    "mysql": "\n-- Dump completed on 2026-01-01 00:00:00\n",
}


def now() -> datetime:
    return datetime.now(UTC)


def backed_up(instance: Instance, folder: Path, database: str) -> Path:
    (result,) = back_up(BackupRequest((instance,), (database,), folder, Format.ZSTD), Silence(), now)
    assert result.error is None, result.error
    assert result.path is not None
    return result.path


def dump(server: RunningServer, folder: Path, text: str, version: str = "9.0") -> Path:
    path = folder / "shop.sql"
    path.write_text(HEADS[server.family].format(version) + text + ENDS[server.family])
    return path


def planned(instance: Instance, file: Path, target: str | None = None, **more: bool) -> Plan:
    return plan(RestoreRequest(file, instance, target, **more), Silence(), now)


def found(made: Plan, severity: Severity) -> set[str]:
    return {finding.kind for finding in made.findings if finding.severity == severity}


@contextmanager
def account(server: RunningServer, *grants: str) -> Iterator[Instance]:
    """An account with these rights alone; ``{}`` in them is its name."""
    name = f"u_{uuid.uuid4().hex[:8]}"
    if server.family == "postgresql":
        who, make = f'"{name}"', f"create role \"{name}\" login password 'pw'"
    else:
        who, make = f"'{name}'@'%'", f"create user '{name}'@'%' identified by 'pw'"
    databases.execute(server, None, make, *(grant.format(who) for grant in grants))
    try:
        yield replace(instance_for(server), username=name, password=Secret(lambda: "pw"))
    finally:
        databases.execute(server, None, f"drop {'role' if server.family == 'postgresql' else 'user'} {who}")


def test_a_new_target_of_the_same_server_is_ready(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "copy", create=False)
    databases.execute(any_server, source, *TABLES)
    instance = instance_for(any_server)

    made = planned(instance, backed_up(instance, tmp_path, source), target)

    assert made.verdict == Verdict.READY, made.findings
    assert (made.target, made.replaced, made.before) == (target, None, None)
    assert made.facts.rows == 2
    assert made.seconds > 0
    assert target not in databases.names(any_server)


def test_what_the_target_would_lose_is_named(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(any_server, "shop")
    databases.execute(any_server, source, *TABLES)
    instance = instance_for(any_server)
    path = backed_up(instance, tmp_path, source)
    databases.execute(any_server, source, "create table later (a int)", "insert into later values (1)")

    made = planned(instance, path)

    assert made.verdict == Verdict.CHANGES
    assert made.replaced is not None
    assert made.replaced.rows == 3
    kept = made.before is not None and made.before.startswith(f"{source}__before_")
    with closing(ENGINES[instance.dbms].connect(instance)) as server:
        assert (kept, made.in_place) == ((False, True) if server.unmovable(source) else (True, False))
    (lost,) = [f for f in made.findings if f.kind == "lost"]
    assert lost.text.startswith("tables of the target that are not in the dump: ")
    assert "later (1 rows)" in lost.text


def test_open_sessions_block_unless_they_are_to_be_ended(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(any_server, "shop")
    databases.execute(any_server, source, *TABLES)
    instance = instance_for(any_server)
    path = backed_up(instance, tmp_path, source)
    with closing(databases.connection(any_server, source)):
        blocked, told = planned(instance, path), planned(instance, path, disconnect=True)
    assert (blocked.verdict, found(blocked, Severity.BLOCKS)) == (Verdict.BLOCKED, {"sessions"})
    assert (told.verdict, "sessions" in found(told, Severity.TELLS)) == (Verdict.READY, True)


def test_an_extension_that_is_not_on_the_server_blocks(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    path = dump(postgresql_server, tmp_path, "CREATE EXTENSION IF NOT EXISTS nowhere WITH SCHEMA public;")
    made = planned(
        instance_for(postgresql_server), path, new_database(postgresql_server, "copy", create=False)
    )
    assert made.verdict == Verdict.BLOCKED
    (finding,) = [f for f in made.findings if f.severity == Severity.BLOCKS]
    assert (finding.kind, finding.text) == ("extension", "extension 'nowhere' (line 8) is not on the server")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SET default_tablespace = nowhere;", "tablespace"),
        ("CREATE TABLE t (a int) TABLESPACE nowhere;", "tablespace"),
        ('CREATE TABLE t (a text COLLATE pg_catalog."xx_XX");', "collation"),
    ],
)
def test_tablespaces_and_collations_that_are_not_on_the_server_block(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path, sql: str, kind: str
) -> None:
    target = new_database(postgresql_server, "copy", create=False)
    made = planned(instance_for(postgresql_server), dump(postgresql_server, tmp_path, sql), target)
    assert found(made, Severity.BLOCKS) == {kind}


def test_a_missing_role_is_a_change_and_a_column_called_tablespace_is_none(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    text = "CREATE TABLE t (tablespace text);\nALTER TABLE t OWNER TO nobody_here;"
    target = new_database(postgresql_server, "copy", create=False)
    made = planned(instance_for(postgresql_server), dump(postgresql_server, tmp_path, text), target)
    assert (made.verdict, found(made, Severity.DIFFERS)) == (Verdict.CHANGES, {"change"})
    assert made.changes.counts == {"statement for a missing role left out": 1}


def test_a_dump_of_a_newer_server_and_an_unknown_locale_differ(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    text = (
        "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'xx_XX.UTF-8';\n"
        "\\connect shop\nCREATE TABLE t (a int);"
    )
    target = new_database(postgresql_server, "copy", create=False)
    made = planned(instance_for(postgresql_server), dump(postgresql_server, tmp_path, text, "99.1"), target)
    assert (made.verdict, found(made, Severity.DIFFERS)) == (Verdict.CHANGES, {"version", "locale"})


def test_an_account_that_may_not_make_databases_is_told_the_right_that_it_lacks(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(any_server, "shop")
    databases.execute(any_server, source, *TABLES)
    path = backed_up(instance_for(any_server), tmp_path, source)
    with account(any_server) as instance:
        made = planned(instance, path, "elsewhere")
    assert (made.verdict, found(made, Severity.BLOCKS)) == (Verdict.BLOCKED, {"right"})
    (finding,) = [f for f in made.findings if f.severity == Severity.BLOCKS]
    grant = "CREATEDB" if any_server.family == "postgresql" else "GRANT ALL ON `elsewhere%`.* TO 'u"
    assert grant in (finding.hint or "")


def test_rights_on_the_target_alone_do_not_do_where_it_is_restored_beside_it(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(mysql_server, "shop")
    databases.execute(mysql_server, source, *TABLES)
    path = backed_up(instance_for(mysql_server), tmp_path, source)
    with account(mysql_server, "grant all on `elsewhere`.* to {}") as instance:
        blocked = planned(instance, path, "elsewhere")
    assert "'elsewhere__restoring_" in next(f.text for f in blocked.findings if f.kind == "right")
    with account(mysql_server, "grant all on `elsewhere%`.* to {}") as instance:
        assert found(planned(instance, path, "elsewhere"), Severity.BLOCKS) == set()


def test_a_database_of_another_owner_blocks(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, source, *TABLES)
    path = backed_up(instance_for(postgresql_server), tmp_path, source)
    databases.execute(
        postgresql_server, source, "grant select on item to public", "grant usage on schema public to public"
    )
    with account(postgresql_server, "alter role {} createdb") as instance:
        made = planned(instance, path)
    (finding,) = [f for f in made.findings if f.severity == Severity.BLOCKS]
    assert finding.text == f"database '{source}' belongs to 'postgres'; its owner alone may rename it"


def test_grants_on_the_targets_objects_that_the_dump_lacks_are_told(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, source, *TABLES)
    path = backed_up(instance_for(postgresql_server), tmp_path, source)
    with account(postgresql_server) as other:
        databases.execute(postgresql_server, source, f'grant select on item to "{other.username}"')
        made = planned(instance_for(postgresql_server), path)
        databases.execute(postgresql_server, source, f'revoke select on item from "{other.username}"')
    assert [f.text for f in made.findings if f.kind == "grants"] == [
        f"role '{other.username}' has rights on 1 objects of '{source}'; the dump grants it nothing"
    ]


def test_a_role_that_the_dump_wants_and_the_server_lacks_is_told_as_the_restore_then_does(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    text = (
        "CREATE TABLE t (a int);\nALTER TABLE t OWNER TO nobody_here;\nGRANT SELECT ON TABLE t TO nor_me;\n"
    )
    path, target = dump(postgresql_server, tmp_path, text), new_database(postgresql_server, create=False)
    request = RestoreRequest(path, instance_for(postgresql_server), target)
    made = plan(request, Silence(), now)
    warnings = tuple(f.text for f in made.findings if f.kind == "change")
    assert (made.verdict, len(warnings)) == (Verdict.CHANGES, 2)
    assert made.changes.counts["statement for a missing role left out"] == 2
    assert restore(request, lambda _: False, Silence(), now).warnings[-2:] == warnings


def test_an_owner_that_the_server_lacks_blocks_and_nothing_is_made(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    path, target = (
        dump(postgresql_server, tmp_path, "CREATE TABLE t (a int);"),
        new_database(postgresql_server, create=False),
    )
    choices = Choices(owner="nobody_here")
    request = RestoreRequest(path, instance_for(postgresql_server), target, choices=choices)
    made = plan(request, Silence(), now)
    (blocked,) = [f for f in made.findings if f.severity == Severity.BLOCKS]
    assert (made.verdict, blocked.text[:18]) == (Verdict.BLOCKED, "role 'nobody_here'")
    with pytest.raises(Refused, match="role 'nobody_here' cannot own"):
        restore(request, lambda _: False, Silence(), now)
    assert not [name for name in databases.names(postgresql_server) if name.startswith(target)]


@pytest.mark.parametrize("in_place", [False, True])
def test_rights_on_single_objects_stay_but_on_those_that_the_dump_lacks(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, in_place: bool
) -> None:
    source = new_database(mysql_server, "shop")
    databases.execute(mysql_server, source, *TABLES, "create function kept() returns int return 1")
    path = backed_up(instance_for(mysql_server), tmp_path, source)
    databases.execute(
        mysql_server, source, "create table later (a int)", "create function gone() returns int return 1"
    )
    on = f"on {{}}`{source}`."
    grants = [
        f"grant {right} {on.format(kind)}`{name}` to {{}}"
        for right, kind, name in (
            ("select", "", "item"), ("select (a)", "", "later"),
            ("execute", "function ", "kept"), ("execute", "function ", "gone"),
        )
    ]  # fmt: skip
    with account(mysql_server, *grants) as other:
        request = RestoreRequest(
            path,
            instance_for(mysql_server),
            force=True,
            in_place=in_place or None,
            safety=Safety(tmp_path / "safety", 2),
        )
        made = plan(request, Silence(), now)
        assert [f.text for f in made.findings if f.kind == "grants"] == [
            f"account '{other.username}'@'%' has rights on 2 objects of '{source}' that would be lost"
        ]
        restore(request, lambda _: False, Silence(), now)
        found = databases.rows(as_account(mysql_server, other), source, "select kept() from item limit 1")
        assert found == [(1,)]


def as_account(server: RunningServer, instance: Instance) -> RunningServer:
    assert instance.password is not None
    return replace(server, superuser=instance.username or "", password=instance.password.reveal(), socket="")


def test_a_statement_that_the_server_cannot_take_blocks(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    largest = int(databases.scalar(mysql_server, None, "select @@max_allowed_packet"))
    rows = f"('{'x' * (1 << 20)}')," * (largest >> 20)
    text = f"CREATE TABLE t (a longtext);\nINSERT INTO t VALUES {rows}('');"
    target = new_database(mysql_server, "copy", create=False)
    made = planned(instance_for(mysql_server), dump(mysql_server, tmp_path, text), target)
    assert found(made, Severity.BLOCKS) == {"max_allowed_packet"}


def test_a_storage_engine_that_is_not_on_the_server_blocks(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    path = dump(mysql_server, tmp_path, "CREATE TABLE `t` (\n  `engine` int\n) ENGINE=Nowhere;")
    made = planned(instance_for(mysql_server), path, new_database(mysql_server, "copy", create=False))
    assert found(made, Severity.BLOCKS) == {"engine"}


def test_a_plan_no_longer_holds_when_the_target_or_the_artifact_has_changed(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source = new_database(any_server, "shop")
    databases.execute(any_server, source, *TABLES)
    instance = instance_for(any_server)
    path = backed_up(instance, tmp_path, source)
    made = planned(instance, path)
    databases.execute(any_server, source, "delete from item where id = 1")
    request = RestoreRequest(path, instance, force=True, planned=made.fingerprint)
    with pytest.raises(Refused, match=r"table (public\.)?item: 1 rows, was 2 rows"):
        restore(request, lambda _: False, Silence(), now)

    made = planned(instance, path)
    databases.execute(any_server, source, "create table other (a int)")
    other = replace(request, planned=made.fingerprint)
    with pytest.raises(Refused, match=r"table (public\.)?other: 0 rows, was not there"):
        restore(other, lambda _: False, Silence(), now)

    changed = replace(made.fingerprint, artifact=replace(made.fingerprint.artifact, sha256="0"))
    with pytest.raises(Refused, match="the artifact's sha256 is"):
        restore(replace(request, planned=changed), lambda _: False, Silence(), now)

    assert databases.scalar(any_server, source, "select count(*) from item") == 1


def test_a_part_of_a_dump_does_not_replace_a_database(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "part", create=False)
    databases.execute(any_server, source, *TABLES, "create table other (a int)")
    instance = instance_for(any_server)
    request = RestoreRequest(
        backed_up(instance, tmp_path, source), instance, force=True, pick=Pick(("item",))
    )
    blocked = plan(request, Silence(), now)
    assert found(blocked, Severity.BLOCKS) == {"part"}
    with pytest.raises(Refused, match="a part of a dump does not replace it"):
        restore(request, lambda _: False, Silence(), now)
    beside = replace(request, target=target)
    assert plan(beside, Silence(), now).facts.objects["tables"][0].endswith("item")
    report = restore(beside, lambda _: False, Silence(), now)
    assert (report.equal, [table.found for table in report.comparison.tables]) == (True, [2])
