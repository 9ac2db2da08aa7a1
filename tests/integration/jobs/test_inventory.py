"""A dump that lacks what the catalogs list is partial, and names it; what nobody may miss is no lack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.instance import Tools
from python_backup.jobs.backups import list_backups
from python_backup.model import Format
from support import databases
from support.jobs import backed_up, with_options
from support.servers import RunningServer, instance_for

Name = Callable[..., str]

SHOP = {
    "postgresql": (
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT of_a REFERENCES a)",
        "CREATE INDEX by_a ON b (a)",
        "CREATE VIEW v AS SELECT * FROM a",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM a",
        "CREATE SEQUENCE s",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'",
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TYPE mood AS ENUM ('good')",
    ),
    "mysql": (
        "CREATE TABLE a (id INT PRIMARY KEY)",
        "CREATE TABLE b (id INT PRIMARY KEY, a INT, KEY by_a (a), CONSTRAINT of_a FOREIGN KEY (a) REFERENCES a (id))",
        "CREATE VIEW v AS SELECT * FROM a",
        "CREATE PROCEDURE f() SELECT 1",
        "CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW SET NEW.a = 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1",
    ),
}  # fmt: skip

CUT = {
    "postgresql": {
        "CREATE TRIGGER": ("triggers", "public.a.t"),
        "CREATE TYPE": ("types", "public.mood"),
        "CREATE MATERIALIZED": ("materialized_views", "public.m"),
        "CREATE VIEW": ("views", "public.v"),
        "CREATE SEQUENCE": ("sequences", "public.s"),
        "CREATE INDEX": ("indexes", "public.by_a"),
        "CREATE FUNCTION public.f(n": ("routines", "public.f"),
    },
    "mysql": {
        "/*!50003 CREATE*/": ("triggers", "t"),
        "/*!50106 CREATE*/": ("events", "e"),
        "CREATE DEFINER": ("routines", "f"),
    },
}  # fmt: skip
"""Statements that a dump program loses without a word, by how they begin, and what is then missing."""


@pytest.fixture
def shop(family_server: RunningServer, new_database: Name) -> str:
    name = new_database(family_server, "shop")
    databases.execute(family_server, name, *SHOP[family_server.family])
    return name


def test_what_the_dump_program_loses_without_a_word_is_named(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    for number, (start, (kind, name)) in enumerate(CUT[family_server.family].items()):
        instance = losing(family_server, tmp_path / f"{number}", start)
        result = backed_up(instance, shop, tmp_path / "backups", Format.NONE)
        assert result.manifest is not None, result.error
        assert (result.outcome, dict(result.manifest.missing)) == ("partial", {kind: (name,)})
        assert f"{kind.replace('_', ' ')} not in the dump: {name}" in result.manifest.errors
    listed = list_backups(tmp_path / "backups")
    assert [backup.manifest.partial for backup in listed if backup.manifest] == [True] * len(
        CUT[family_server.family]
    )


def losing(server: RunningServer, folder: Path, start: str) -> object:
    """The instance with a dump program that turns each line that begins so into an empty statement."""
    names = {"postgresql": ["pg_dump"], "mysql": ["mariadb-dump", "mysqldump"]}[server.family]
    folder.mkdir()
    for name in names:
        real = shutil.which(name, path=server.bin) or shutil.which(name)
        if real is None:
            continue
        program = folder / name
        program.write_text(
            "#!/usr/bin/env python3\n"
            "import subprocess, sys\n"
            f"done = subprocess.run([{real!r}, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
            f"lines = done.stdout.split(b'\\n')\n"
            f"lines = [(b'-- ' if l.startswith({start.encode()!r}) else b'') + l for l in lines]\n"
            "asked = {'--version', '--help'} & set(sys.argv)\n"
            "sys.stdout.buffer.write(done.stdout if asked else b'\\n'.join(lines))\n"
            "sys.exit(done.returncode)\n"
        )
        program.chmod(0o755)
    return replace(instance_for(server), tools=Tools(path=folder))


def test_a_whole_dump_lacks_nothing(family_server: RunningServer, shop: str, tmp_path: Path) -> None:
    result = backed_up(instance_for(family_server), shop, tmp_path)
    assert result.manifest is not None, result.error
    assert (result.outcome, dict(result.manifest.missing), result.manifest.errors) == ("done", {}, ())


OPTIONS = {
    "postgresql": (
        ("--exclude-table=b",), ("-T", "b"), ("--schema-only",), ("--exclude-table-data=a",),
        ("--section=pre-data",),
    ),
    "mysql": (
        ("--skip-triggers",), ("--routines=0",), ("--skip-events",), ("--no-data",), ("--no-create-info",),
        ("--ignore-table={shop}.b",), ("--ignore-table={shop}.v",),
    ),
}  # fmt: skip


def test_what_the_instances_own_options_leave_out_is_not_missing(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    for number, options in enumerate(OPTIONS[family_server.family]):
        instance = with_options(instance_for(family_server), *(o.format(shop=shop) for o in options))
        result = backed_up(instance, shop, tmp_path / f"{number}")
        assert result.manifest is not None, (options, result.error)
        assert (options, result.outcome, result.manifest.errors) == (options, "done", ())


def test_tables_that_come_and_go_beside_the_dump_are_not_missing(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    with databases.churning(family_server, shop):
        found = [backed_up(instance_for(family_server), shop, tmp_path / f"{n}") for n in range(4)]
    assert [r.manifest.missing for r in found if r.manifest and r.manifest.missing] == []
    # the tools themselves complain of a table that they listed and no longer find
    errors = [error for r in found if r.manifest for error in r.manifest.errors]
    errors += [r.error.message for r in found if r.error]
    assert [error for error in errors if "passing_" not in error and "OID" not in error] == []


def test_an_index_that_was_never_finished_is_in_no_dump_and_not_missing(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(postgresql_server)
    databases.execute(postgresql_server, name, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1), (1)")
    with pytest.raises(Exception, match="could not create unique index"):
        databases.execute(postgresql_server, name, "CREATE UNIQUE INDEX CONCURRENTLY broken ON t (a)")
    result = backed_up(instance_for(postgresql_server), name, tmp_path)
    assert (result.outcome, result.error) == ("done", None)


def test_the_servers_own_database_asked_for_by_name_lacks_nothing(
    any_server: RunningServer, tmp_path: Path
) -> None:
    own = {"postgresql": "postgres", "mysql": "mysql"}[any_server.family]
    result = backed_up(instance_for(any_server), own, tmp_path)
    assert result.manifest is not None, result.error
    assert dict(result.manifest.missing) == {}
