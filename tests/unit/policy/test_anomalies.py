"""What is suspect of a backup beside the last good one."""

from __future__ import annotations

import pytest

from python_backup.model import Facts, TableFacts
from python_backup.policy.anomalies import Expectation, Rule, expectation, is_named, suspicions


def facts(**tables: tuple[int | None, int]) -> Facts:
    """Tables with their rows and bytes."""
    return Facts(tuple(TableFacts(n, rows, size, "") for n, (rows, size) in tables.items()), {}, {})


THIRTY = Expectation(max_shrink=0.3)


def test_a_table_may_grow_stay_or_shrink_by_as_much_as_is_allowed() -> None:
    before = facts(a=(100, 1000), b=(10, 100), c=(0, 0), d=(10, 100))
    now = facts(a=(70, 700), b=(10, 100), d=(90, 900), e=(1, 1))
    assert suspicions(now, before, THIRTY) == {}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (facts(a=(69, 1000)), "69 rows, 100 in the last good backup: 31% less; max_shrink is 30%"),
        (facts(a=(0, 0)), "0 rows, 100 in the last good backup: 100% less; max_shrink is 30%"),
        (facts(), "it is gone, with 100 rows; max_shrink is 30%"),
        (
            facts(a=(100, 200)),
            "200 bytes of data, 1,000 in the last good backup: 80% less; max_shrink is 30%",
        ),
        (
            facts(a=(None, 200)),
            "200 bytes of data, 1,000 in the last good backup: 80% less; max_shrink is 30%",
        ),
    ],
)
def test_a_table_that_lost_more_rows_or_bytes_is_suspect(now: Facts, told: str) -> None:
    assert suspicions(now, facts(a=(100, 1000)), THIRTY) == {"a": told}


def test_the_first_backup_has_nothing_to_be_measured_by() -> None:
    assert suspicions(facts(a=(0, 0)), None, THIRTY) == {}


def test_without_a_share_any_shrinking_is_allowed() -> None:
    assert suspicions(facts(), facts(a=(100, 1000)), Expectation()) == {}


def test_ignored_tables_may_shrink_but_not_below_their_fewest_rows() -> None:
    expected = Expectation(0.3, {"users": 5}, ignore=("users", "cache_*"))
    before, now = facts(users=(100, 1), cache_x=(9, 9), b=(10, 10)), facts(users=(4, 1), b=(1, 1))
    assert suspicions(now, before, expected) == {
        "b": "1 rows, 10 in the last good backup: 90% less; max_shrink is 30%",
        "users": "4 rows; min_rows is 5",
    }


def test_a_table_of_the_fewest_rows_is_missed_where_it_was_or_where_the_database_was_named() -> None:
    users = {"users": 1}
    assert suspicions(facts(), None, Expectation(min_rows=users)) == {}
    assert suspicions(facts(), facts(users=(9, 9)), Expectation(min_rows=users)) == {
        "users": "0 rows; min_rows is 1"
    }
    assert suspicions(facts(), None, Expectation(min_rows=users, named=True)) == {
        "users": "there is no such table; min_rows is 1"
    }


@pytest.mark.parametrize(
    ("table", "pattern", "whether"),
    [
        ("public.users", "users", True),
        ("public.users", "public.users", True),
        ("public.users", "public.*", True),
        ("superusers", "users", False),
        ('public."x.users"', "users", False),
        ("users", "USERS", False),
    ],
)
def test_a_table_is_meant_by_its_whole_name_or_its_last_part(table: str, pattern: str, whether: bool) -> None:
    assert is_named(table, pattern) is whether


def test_of_several_rules_the_last_holds_key_by_key() -> None:
    rules = (
        Rule(max_shrink=0.3, ignore=("sessions",)),
        Rule(database="shop*", min_rows={"users": 1}),
        Rule("1", max_shrink=0.5),
        Rule("1", "blog", ignore=()),
    )
    assert expectation(rules, "1", "shop2") == Expectation(0.5, {"users": 1}, ("sessions",), named=True)
    assert expectation(rules, "1", "blog") == Expectation(0.5, {}, ())
    assert expectation(rules, "2", "blog") == Expectation(0.3, {}, ("sessions",))
