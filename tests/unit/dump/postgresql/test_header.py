import pytest

from python_backup.dump.dialect import Header
from python_backup.dump.postgresql.header import connected, read_header

MARK = b"--\n-- PostgreSQL database dump\n--\n\n"


@pytest.mark.parametrize(
    ("head", "header"),
    [
        (
            MARK
            + b"\\restrict x\n\n-- Dumped from database version 15.18 (Debian)\n-- Dumped by pg_dump version 15.18\n"
            b'\\connect "a b"\n',
            Header("postgresql", "pg_dump", "15.18 (Debian)", "a b"),
        ),
        (
            b"--\n-- PostgreSQL database cluster dump\n--\n\\connect template1\n",
            Header("postgresql", "pg_dumpall", None, None),
        ),
        (b"/* x */\nCREATE DATABASE chinook;\n\\c chinook;\n", Header("postgresql", None, None, "chinook")),
        (b"-- MariaDB dump 10.19\nUSE `x`;\n", None),
        (b"", None),
    ],
)
def test_a_header_tells_its_tool_server_and_database(head, header):
    assert read_header(head) == header


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        (b"shop", "shop"),
        (b'"a ""b"" c"', 'a "b" c'),
        (b"chinook;", "chinook"),
        (b"-reuse-previous=on \"dbname='a\\\\b\\'c'\"", "a\\b'c"),
        (b"-reuse-previous=on \"dbname='x' host='evil'\"", None),
        (b"shop joe", None),
        (b"`id`", None),
        (b":x", None),
        (b"-", None),
        (b"", None),
        (b'"dbname=x"', None),
    ],
)
def test_connect_names_one_database_or_more_than_that(argument, name):
    assert connected(argument) == name
