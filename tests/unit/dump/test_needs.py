"""What dumps need of a server."""

import pytest

from python_backup.dump.needs import Needs, NeedsCounter
from python_backup.dump.piece import DataBegin, DataEnd, Rows, Statement
from python_backup.dump.table import DIALECTS


def needs(family: str, text: bytes) -> Needs:
    dialect = DIALECTS[family]
    lexer, counter = dialect.lexer(), NeedsCounter(dialect.needs())
    for piece in [*lexer.feed(text), *lexer.finish()]:
        counter.take(piece)
    return counter.result()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;", {"extensions": {"hstore": 1}}),
        ('\nCREATE EXTENSION "uuid-ossp";', {"extensions": {"uuid-ossp": 2}}),
        ("SET default_tablespace = fast;", {"tablespaces": {"fast": 1}}),
        ("SET default_tablespace = '';", {}),
        ('CREATE INDEX i ON t (a) TABLESPACE "Fast Disk";', {"tablespaces": {"Fast Disk": 1}}),
        ("ALTER TABLE t SET TABLESPACE fast;", {"tablespaces": {"fast": 1}}),
        ("CREATE TABLE t (tablespace text, a int);", {}),
        ("CREATE VIEW v AS SELECT a tablespace FROM t;", {}),
        ("CREATE TABLE t (a text DEFAULT 'TABLESPACE x COLLATE pg_catalog.y');", {}),
        ('CREATE TABLE t (a text COLLATE pg_catalog."de-x-icu");', {"collations": {"de-x-icu": 1}}),
        ("CREATE TABLE t (a text COLLATE public.own);", {}),
        ('GRANT SELECT ON TABLE t TO a, "B b" WITH GRANT OPTION;', {"grantees": {"a": 1, "B b": 1}}),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();", {"superuser": {"event triggers": 1}}),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ create extension x; $$;", {}),
    ],
)  # fmt: skip
def test_postgresql_statements_say_what_must_be_there(sql: str, expected: dict[str, dict[str, int]]) -> None:
    assert needs("postgresql", sql.encode()).names == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE `t` (\n `engine` int\n) ENGINE=InnoDB;", {"engines": {"innodb": 1}}),
        ("CREATE TABLE `t` (`a` int COMMENT 'ENGINE=x');", {}),
        ("CREATE DEFINER=`u`@`h` FUNCTION `f`() RETURNS int RETURN 1;", {"functions": {"f": 1}}),
        ("/*!50003 CREATE*/ /*!50017 DEFINER=`u`@`h`*/ /*!50003 TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1 */;", {"triggers": {"g": 1}}),
        ("CREATE VIEW v AS SELECT 1;", {}),
    ],
)  # fmt: skip
def test_mysql_statements_say_what_must_be_there(sql: str, expected: dict[str, dict[str, int]]) -> None:
    assert needs("mysql", sql.encode()).names == expected


def test_the_longest_statement_counts_its_rows_where_they_are_part_of_it() -> None:
    counter = NeedsCounter(lambda _: ())
    for piece in (
        Statement(b"x" * 30, 1, b"x" * 30),
        DataBegin(b"INSERT", 2, b"INSERT", "t", copy=False),
        Rows(b"r" * 20, 3, 1, b""),
        Rows(b"r" * 20, 4, 1, b""),
        DataEnd(b";", 4, 2),
        DataBegin(b"COPY", 5, b"COPY", "t", copy=True),
        Rows(b"r" * 999, 6, 1, b""),
        DataEnd(b"\\.", 7, 1),
    ):
        counter.take(piece)
    found = counter.result()
    assert (found.longest, found.longest_line) == (46, 2)
