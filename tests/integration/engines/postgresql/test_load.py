"""What the server refuses, and how it is told: with the line in the dump, without row data."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from python_backup.engines.postgresql.engine import ENGINE
from python_backup.engines.postgresql.load import load as send
from python_backup.errors import BackupError, ConnectionFailed, FactsDiffer, StatementFailed
from python_backup.jobs.reading import pieces_of
from support import databases


def load(server, database: str, text: str | bytes, *, complete: bool = True) -> None:
    blocks = [text.encode() if isinstance(text, str) else text]
    server.load(database, pieces_of(blocks, ENGINE.dialect.lexer()), complete=complete)


def refused(server, database: str, text: str) -> BackupError:
    with pytest.raises(BackupError) as caught:
        load(server, database, text)
    return caught.value


def test_a_refused_statement_is_named_with_its_line_and_code(server, filled):
    dump = "CREATE TABLE a (x int);\nCREATE TABLE b (x int);\n\n-- words\nCREATE TABLE  a\n  (y int);\nCREATE TABLE c ();\n"
    error = refused(server, filled(), dump)
    assert isinstance(error, StatementFailed)
    assert error.message == 'line 5: CREATE TABLE a (y int): relation "a" already exists (SQLSTATE 42P07)'


def test_what_fails_leaves_nothing(server, filled):
    database = filled()
    refused(server, database, "CREATE TABLE a AS SELECT 1;\nSELECT nonsense;\n")
    assert server.objects(database) == {}


def test_a_row_that_is_refused_is_named_by_its_line_alone(server, filled):
    database = filled("CREATE TABLE t (a int, b text)")
    error = refused(server, database, "COPY public.t (a, b) FROM stdin;\n1\tx\nsecret\ty\n\\.\n")
    assert isinstance(error, StatementFailed)
    assert error.message == (
        "line 3: COPY public.t (a, b) FROM stdin: invalid input syntax for type integer"
        " (the value is not shown) (SQLSTATE 22P02)"
    )


def test_an_insert_that_is_refused_shows_no_row(server, filled):
    database = filled("CREATE TABLE t (a int, b text)")
    error = refused(
        server, database, "INSERT INTO t VALUES (1, 'x');\nINSERT INTO t VALUES ('secret', 'hidden');\n"
    )
    assert error.message.startswith("line 2: INSERT INTO t VALUES")
    assert "secret" not in error.message
    assert "hidden" not in error.message


def test_passwords_in_a_refused_statement_are_not_shown(server, filled):
    error = refused(
        server, filled(), "CREATE USER MAPPING FOR PUBLIC SERVER none OPTIONS (password 'secret');\n"
    )
    assert error.message == (
        'line 1: CREATE USER MAPPING FOR PUBLIC SERVER none OPTIONS (password…: server "none" does not exist'
        " (SQLSTATE 42704)"
    )


def test_rows_that_the_server_did_not_store_are_noticed(server, filled):
    database = filled(
        "CREATE TABLE t (a int)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.a = 2 THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    with pytest.raises(FactsDiffer, match=r"table public\.t: the dump has 3 rows, the server stored 2"):
        load(server, database, "COPY public.t (a) FROM stdin;\n1\n2\n3\n\\.\n")
    assert server.counts(database) == {"public.t": 0}


@pytest.mark.parametrize("command", ["COMMIT", "ROLLBACK", "END"])
def test_a_dump_cannot_end_the_transaction_it_is_loaded_in(server, filled, command):
    database = filled("CREATE TABLE t (a int)")
    error = refused(server, database, f"INSERT INTO t VALUES (1);\n{command};\nINSERT INTO t VALUES (2);\n")
    assert error.message == f"line 2: {command}: the dump ends the transaction that it is loaded in"


def test_constraints_checked_at_the_end_fail_the_load(server, filled):
    database = filled(
        "CREATE TABLE p (a int PRIMARY KEY)",
        "CREATE TABLE c (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    )
    error = refused(server, database, "INSERT INTO c VALUES (1);\n")
    assert isinstance(error, StatementFailed)
    assert "(SQLSTATE 23503)" in error.message


def test_a_setting_holds_for_the_very_next_statement(server, filled):
    database = filled()
    load(
        server, database,
        b"SET client_encoding = 'LATIN1';\nCREATE TABLE t AS SELECT '\xfc' AS a;\n"
        b"SET standard_conforming_strings = off;\nINSERT INTO t SELECT 'a\\'; b';\n",
    )  # fmt: skip
    assert server.counts(database) == {"public.t": 2}


def test_statements_that_allow_no_transaction_run_when_the_dump_is_no_whole_database(server, filled):
    database = filled("CREATE TABLE t (a int)")
    load(server, database, "CREATE INDEX CONCURRENTLY i ON t (a);\nVACUUM t;\n", complete=False)
    assert server.objects(database)["indexes"] == ("public.i",)


def test_more_objects_than_the_lock_table_holds_are_loaded(server, filled, postgresql_server):
    database = filled()
    asked = (
        "SELECT name, setting::int FROM pg_settings WHERE name ~ '^max_(locks_per_t|connections|prepared_t)'"
    )
    settings = dict(databases.rows(postgresql_server, None, asked))
    slots = settings["max_locks_per_transaction"] * (
        settings["max_connections"] + settings["max_prepared_transactions"]
    )
    tables = slots // 4  # each has a primary key, and a toast table with an index
    load(
        server, database, "".join(f"CREATE TABLE t{i} (a int PRIMARY KEY, b text);\n" for i in range(tables))
    )
    assert len(server.counts(database)) == tables


def test_data_in_many_blocks_arrives_whole(server, filled, postgresql_server):
    database = filled("CREATE TABLE t (a text)")
    rows = [f"{i}:" + "x" * (i % 3000) for i in range(5000)]
    load(server, database, "COPY public.t (a) FROM stdin;\n" + "\n".join(rows) + "\n\\.\n")
    [(total, digest)] = databases.rows(
        postgresql_server, database, "SELECT count(*), sum(length(a))::int FROM t"
    )
    assert (total, digest) == (5000, sum(map(len, rows)))


def test_a_session_that_was_ended_before_the_first_statement_is_a_lost_connection(filled, postgresql_server):
    database = filled()
    with closing(databases.connection(postgresql_server, database)) as link:
        with pytest.raises(psycopg.OperationalError):
            link.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(ConnectionFailed):
            send(link, (), complete=True)
