"""Databases in other encodings, archives, extensions: dumped, restored and found the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from python_backup.dump.dialect import SourceDatabase
from python_backup.engines.postgresql.archive import archive_as_sql
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.errors import ArtifactCorrupt, ToolFailed
from support import databases
from support.pg_trips import dumped, restored, without_names
from support.servers import instance_for


def same_again(server, database: str, target: str) -> None:
    first = dumped(server, database)
    facts = restored(server, [first.text], target)
    assert without_names(dumped(server, target).text, target) == without_names(first.text, database)
    assert server.objects(target) == facts.objects
    assert server.counts(target) == {table.name: table.rows for table in facts.tables}
    assert server.sequences(target) == facts.sequences


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("LATIN1", b"t\xfc"),
        ("WIN1251", b"\xd2\xe0\xe1"),
        ("SQL_ASCII", b"t\xff\xfe"),
        ("EUC_JP", b"\xc6\xfc"),
    ],
)
def test_a_database_of_another_encoding_comes_back_as_it_was(
    postgresql_server, server, new_database, encoding, name
):
    database = new_database(postgresql_server, "enc", create=False)
    target = new_database(postgresql_server, "enc2", create=False)
    assert server.create(database, SourceDatabase(database, {"encoding": encoding, "locale": "C"})) == ()
    script = (
        b'SET client_encoding = \'%s\';\nCREATE TABLE "%s" ("%s" serial, b text);\n'
        b"INSERT INTO \"%s\" (b) VALUES ('%s');\n" % (encoding.encode(), name, name, name, name)
    )
    from python_backup.jobs.reading import pieces_of

    server.load(database, pieces_of([script], ENGINE.dialect.lexer()), complete=True)
    same_again(server, database, target)


def test_a_locale_that_is_not_here_is_replaced_and_told(postgresql_server, server, new_database):
    database = new_database(postgresql_server, "loc", create=False)
    [warning] = server.create(database, SourceDatabase("x", {"encoding": "UTF8", "locale": "xx_YY.UTF-8"}))
    assert warning.startswith("locale of the dump (locale xx_YY.UTF-8) replaced by C")


def test_an_archive_gives_the_same_database(postgresql_server, filled, new_database, tmp_path):
    database = filled(
        "CREATE TABLE t AS SELECT i, 'x' || i AS s FROM generate_series(1, 1000) i", "CREATE INDEX ON t (i)"
    )
    instance = replace(instance_for(postgresql_server), custom_format=True)
    server = ENGINE.connect(instance)
    target = new_database(postgresql_server, "arch", create=False)
    archive = tmp_path / "x.dump"
    archive.write_bytes(dumped(server, database).text)
    with archive_as_sql(archive, instance.tools) as blocks:
        facts = restored(server, blocks, target)
    assert [(table.name, table.rows) for table in facts.tables] == [("public.t", 1000)]
    assert (
        server.objects(target) == facts.objects == {"tables": ("public.t",), "indexes": ("public.t_i_idx",)}
    )
    server.close()


def test_a_cut_archive_fails(postgresql_server, filled, tmp_path):
    database = filled("CREATE TABLE t AS SELECT i, md5(i::text) AS s FROM generate_series(1, 9000) i")
    instance = replace(instance_for(postgresql_server), custom_format=True)
    server = ENGINE.connect(instance)
    archive = tmp_path / "x.dump"
    archive.write_bytes(dumped(server, database).text[:-4000])
    with (
        archive_as_sql(archive, instance.tools) as blocks,
        pytest.raises(ToolFailed, match=r"pg_restore of 'x\.dump' failed"),
    ):
        list(blocks)
    server.close()


def test_what_is_no_archive_is_said(tmp_path):
    from python_backup.instance import Tools

    (tmp_path / "x").write_bytes(b"-- sql")
    with pytest.raises(ArtifactCorrupt), archive_as_sql(tmp_path / "x", Tools()):
        pass


def test_extensions_are_made_by_name_and_their_members_left_out(
    postgresql_server, server, filled, new_database
):
    known = {
        name
        for (name,) in databases.rows(postgresql_server, None, "SELECT name FROM pg_available_extensions")
    }
    extension = next(name for name in ("hstore", "vector", "plpgsql") if name in known)
    database = filled(f"CREATE EXTENSION IF NOT EXISTS {extension}", "CREATE TABLE t (a int)")
    target = new_database(postgresql_server, "ext", create=False)
    assert server.objects(database)["extensions"] == (extension,)
    assert set(server.objects(database)) == {"extensions", "tables"}
    same_again(server, database, target)
