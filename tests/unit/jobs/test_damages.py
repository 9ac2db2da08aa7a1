"""Damages done to the bytes and the content of dumps, wherever the stream is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from python_backup.dump.dialect import Dialect
from python_backup.dump.table import DIALECTS
from python_backup.jobs.damages import (
    DAMAGES,
    OTHER,
    ContentDamage,
    Undamaged,
    another,
    emptied,
    flipped,
    halved,
    swapped,
    truncated,
    without_table,
)
from python_backup.jobs.reading import pieces_of

MYSQL, POSTGRESQL = DIALECTS["mysql"], DIALECTS["postgresql"]
ROWS = b"CREATE TABLE `t` (`a` int, `b` text);\nINSERT INTO `t` VALUES %s;\nSELECT 1;\n"
COPY = b"CREATE TABLE public.t (a int, b text);\nCOPY public.t (a, b) FROM stdin;\n%s\\.\n\nSELECT 1;\n"


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def altered(
    alter: Callable[..., Iterator[bytes]], dialect: Dialect, content: bytes, table: str, size: int = 1 << 20
) -> bytes:
    return b"".join(alter(pieces_of(cut(content, size), dialect.lexer()), dialect, table))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_stored_bytes_are_cut_changed_or_gone(size: int) -> None:
    content = bytes(range(90))
    assert b"".join(truncated(cut(content, size), 90)) == content[:60]
    assert b"".join(emptied(cut(content, size), 90)) == b""
    changed = b"".join(flipped(cut(content, size), 90))
    assert [i for i in range(90) if changed[i] != content[i]] == [45]
    assert changed[45] == content[45] ^ 1


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_every_second_row_of_an_insert_goes(size: int) -> None:
    dump = ROWS % b"(1,'a'),(2,'b),(\\''),(3,NULL)"
    assert altered(halved, MYSQL, dump, "t", size) == ROWS % b"(1,'a'),(3,NULL)"


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_every_second_row_of_a_copy_goes(size: int) -> None:
    dump = COPY % b"1\ta\n2\t\\\\.\n3\t\\N\n"
    assert altered(halved, POSTGRESQL, dump, "public.t", size) == COPY % b"1\ta\n3\t\\N\n"


def test_an_insert_that_is_left_without_rows_goes_whole() -> None:
    one = b"INSERT INTO `t` VALUES (%d,'x');\n"
    dump = ROWS % b"(1,'x')" + one % 2 + one % 3
    assert altered(halved, MYSQL, one % 1 + one % 2 + one % 3, "t") == one % 1 + one % 3
    assert altered(halved, MYSQL, dump, "t").count(b"INSERT") == 2


def test_a_value_of_each_row_goes_to_its_neighbour_and_the_size_stays() -> None:
    dump = ROWS % b"(1,'a'),(2,'b'),(3,'c'),(4,'c'),(5,'e')"
    changed = altered(swapped, MYSQL, dump, "t")
    assert changed == ROWS % b"(1,'b'),(2,'a'),(3,'c'),(4,'c');\nINSERT INTO `t` VALUES (5,'e')"
    copied = altered(swapped, POSTGRESQL, COPY % b"1\tx\n2\t\\N\n3\tz\n", "public.t")
    assert copied.startswith((COPY % b"1\t\\N\n2\tx\n").removesuffix(b"\nSELECT 1;\n"))
    assert b"3\tz\n\\.\n" in copied


def test_values_are_swapped_over_the_ends_of_statements() -> None:
    one = b"INSERT INTO `t` VALUES (%d,'%c');\n"
    dump = b"".join(one % (n, 96 + n) for n in (1, 2, 3)) + b"SELECT 1;\n"
    changed = altered(swapped, MYSQL, dump, "t")
    assert changed == (
        b"INSERT INTO `t` VALUES (1,'b'),(2,'a');\nINSERT INTO `t` VALUES (3,'c');\nSELECT 1;\n"
    )
    assert altered(swapped, MYSQL, dump.removesuffix(b"SELECT 1;\n"), "t") + b"SELECT 1;\n" == changed


@pytest.mark.parametrize("rows", [b"(1)", b"(1),(2)", b"(1,'a'),(1,'b')", b"(1,'a'),(1,'a')"])
def test_rows_that_swapping_leaves_the_same_are_told(rows: bytes) -> None:
    with pytest.raises(Undamaged):
        altered(swapped, MYSQL, ROWS % rows, "t")


def test_a_table_goes_with_all_that_is_its_own() -> None:
    dump = ROWS % b"(1,'a')" + b"CREATE TABLE `u` (`a` int);\nINSERT INTO `u` VALUES (7);\n"
    left = altered(without_table, MYSQL, dump, "t")
    assert b"`t`" not in left
    assert b"INSERT INTO `u` VALUES (7);\n" in left


def test_another_databases_dump_keeps_the_marks_of_the_tool_alone() -> None:
    dump = b"-- MariaDB dump\n-- Host: x    Database: shop\n\n" + ROWS % b"(1,'a')" + b"-- Dump completed\n"
    lexer = MYSQL.lexer()
    changed = b"".join(another(pieces_of([dump], lexer), MYSQL, "t"))
    assert changed == b"-- MariaDB dump\n-- Host: x    Database: shop\n\n" + OTHER + b"-- Dump completed\n"
    again = MYSQL.lexer()
    assert list(pieces_of([changed], again))
    assert again.complete == lexer.complete


def test_each_damage_of_content_says_which_table() -> None:
    assert all(
        "{table}" in d.done for d in DAMAGES if isinstance(d, ContentDamage) and d.alter is not another
    )
