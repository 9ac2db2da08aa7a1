"""Which keys may be made after the rows."""

from __future__ import annotations

import pytest

from python_backup.dump.mysql.later import alike, keys_for_later, missing

HEAD = "CREATE TABLE `t,(` (\n  `id` int NOT NULL AUTO_INCREMENT COMMENT 'a, KEY `x` (`y`)',\n  `a` int DEFAULT NULL"
HEAD += ",\n  `b` text,\n  `c` int GENERATED ALWAYS AS ((`a` + 1)) VIRTUAL,\n  PRIMARY KEY (`id`)"
TAIL = "\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='x AUTO_INCREMENT=9'"


def table(*keys: str, tail: str = TAIL) -> bytes:
    return "".join((HEAD, *(f",\n  {key}" for key in keys), tail)).encode()


def names(*keys: str, needed: frozenset[str] = frozenset()) -> list[str]:
    return [key.name for key in keys_for_later(table(*keys), needed)]


@pytest.mark.parametrize(
    "key",
    [
        "KEY `k` (`a`)",
        "KEY `k``,(` (`a`,`b`(7),`id`)",
        "KEY `k` (`a` DESC,`b`(3) DESC)",
        "KEY `k` (`a`) USING BTREE",
        "KEY `k` (`a`) KEY_BLOCK_SIZE=4 COMMENT 'it''s, ) KEY'",
        "KEY `k` (`a`) USING BTREE COMMENT 'x' /*!80000 INVISIBLE */",
        "KEY `k` (`a`) IGNORED",
    ],
)
def test_a_plain_key_may_wait_and_its_text_is_the_tables_own(key: str) -> None:
    [found] = keys_for_later(table(key), frozenset())
    assert found.sql == key.encode()


@pytest.mark.parametrize(
    "key",
    [
        "UNIQUE KEY `k` (`a`)",
        "FULLTEXT KEY `k` (`b`)",
        "FULLTEXT KEY `k` (`b`) /*!50100 WITH PARSER `ngram` */ ",
        "SPATIAL KEY `k` (`b`)",
        "VECTOR KEY `k` (`b`) `m`=8",
        "KEY `k` ((`a` + 1))",
        "KEY `k` ((cast(`b` as unsigned array)))",
        "KEY `k` (`id`,`a`)",
        "KEY `k` (`a`,`c`)",
        "KEY `k` (`A`)",
        "KEY `k` (`a`) USING HASH",
        "KEY `k` (`a`) /*!80021 ENGINE_ATTRIBUTE '{}' */",
        "KEY `k` (`a`) `clustering`=yes",
        "CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `u` (`id`)",
        "CONSTRAINT `k` CHECK (`a` > 0)",
    ],
)
def test_what_is_needed_before_or_is_not_surely_shown_the_same_stays(key: str) -> None:
    assert names(key, needed=frozenset("a" if "`A`" in key else "")) == []


@pytest.mark.parametrize(
    ("keys", "later"),
    [
        (("KEY `k` (`a`)", "KEY `l` (`b`(3))"), ["k", "l"]),
        (("KEY `k` (`a`)", "KEY `n` (`id`)", "KEY `l` (`b`(3))", "KEY `m` (`a`)"), ["l", "m"]),
        (("KEY `k` (`a`)", "SPATIAL KEY `s` (`b`)"), []),
        (("KEY `k` (`a`)", "KEY `n` (`c`)"), []),
        (("UNIQUE KEY `u` (`a`)", "KEY `k` (`a`)", "FULLTEXT KEY `f` (`b`)"), ["k"]),
        (("KEY `k` (`a`)", "CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `u` (`a`)"), ["k"]),
        (("KEY `k` (`a`)", "CONSTRAINT `c` CHECK (`a` in (1,2))"), ["k"]),
        (("KEY `k` (`a`)", "PERIOD FOR `p` (`s`, `e`)"), []),
        ((), []),
    ],
)
def test_with_a_key_all_those_behind_it_wait_so_that_their_order_stays(
    keys: tuple[str, ...], later: list[str]
) -> None:
    assert names(*keys) == later


def test_a_key_that_begins_with_a_column_of_a_foreign_key_stays() -> None:
    keys = ("KEY `k` (`a`,`b`(3))", "KEY `l` (`b`(3),`a`)")
    assert names(*keys, needed=frozenset({"a"})) == ["l"]
    assert names(*keys, needed=frozenset({"b"})) == []


def test_the_missing_keys_are_those_that_are_not_there_just_so() -> None:
    wanted = table("KEY `k` (`a`)", "KEY `l` (`b`(3))", "KEY `m` (`a`)")
    present = table("KEY `l` (`b`(4))", "KEY `m` (`a`)")
    assert [key.sql for key in missing(wanted, present)] == [b"KEY `k` (`a`)", b"KEY `l` (`b`(3))"]
    assert missing(wanted, wanted) == ()


def test_two_definitions_are_alike_whatever_number_comes_next() -> None:
    one = table("KEY `k` (`a`)")
    assert alike(one, table("KEY `k` (`a`)", tail=TAIL.replace("AUTO_INCREMENT=7", "AUTO_INCREMENT=12")))
    assert alike(one, table("KEY `k` (`a`)", tail=TAIL.replace(" AUTO_INCREMENT=7", "")))
    assert not alike(one, table("KEY `k` (`a`)", tail=TAIL.replace("=9'", "=8'")))
    assert not alike(one, table("KEY `k` (`a`) COMMENT 'AUTO_INCREMENT=7'"))
    assert not alike(one, table())
