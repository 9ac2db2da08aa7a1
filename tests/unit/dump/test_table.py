"""Which engine a dump is of, whatever its data speak of."""

import pytest

from python_backup.dump.table import DIALECTS, read_header

POSTGRESQL = b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped by pg_dump version 18.1\n\nSET statement_timeout = 0;\n"
MYSQL = b"-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)\n--\n"
MARIADB = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.8.6-MariaDB, for linux\n--\n"
BY_HAND = b"/*!40101 SET NAMES binary*/;\nCREATE TABLE `t` (v TEXT);\n"


@pytest.mark.parametrize(
    ("begin", "family", "tool"),
    [
        (POSTGRESQL, "postgresql", "pg_dump"),
        (MYSQL, "mysql", "mysqldump"),
        (MARIADB, "mysql", "mariadb-dump"),
        (BY_HAND, "mysql", None),
    ],
)
@pytest.mark.parametrize("data", [POSTGRESQL, MYSQL, b"\\connect x\nLANGUAGE plpgsql\n", b"/*!40101 x*/;\n"])
@pytest.mark.parametrize("gap", [0, 5000])
def test_a_dump_is_what_it_begins_as_whatever_its_data_hold(begin, family, tool, data, gap):
    header = read_header(begin + b"-- \n" * gap + (data if gap or tool else b""))
    assert header is not None
    assert (header.family, header.tool) == (family, tool)


def test_what_speaks_of_neither_is_of_neither():
    assert read_header(b"id,name\n1,a\n") is None


def test_every_dialect_is_found_by_its_family():
    assert {family: dialect.family for family, dialect in DIALECTS.items()} == {
        "mysql": "mysql",
        "postgresql": "postgresql",
    }
