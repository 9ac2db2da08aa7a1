"""Rights are read from SHOW GRANTS as the servers write it."""

from __future__ import annotations

import pytest

from python_backup.engines.mysql.rights import read

NEEDED = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")


def lacking(*lines: str, database: str = "shop") -> list[str]:
    rights = read(lines, database)
    return [right for right in NEEDED if not rights.has(right)]


def test_all_privileges_lack_nothing():
    assert lacking("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION") == []


def test_usage_lacks_everything():
    assert lacking("GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*ON `x`.* TO '") == list(NEEDED)


def test_rights_on_the_database_and_on_everything_add_up():
    lines = ("GRANT SELECT, PROCESS ON *.* TO `u`@`%`", "GRANT SHOW VIEW, EVENT ON `shop`.* TO `u`@`%`")
    assert lacking(*lines) == ["TRIGGER"]


def test_rights_on_single_columns_and_tables_are_not_the_databases():
    lines = (
        "GRANT SELECT (`a`, `b`), TRIGGER ON `shop`.`t` TO `u`@`%`",
        "GRANT EVENT ON `shop`.* TO `u`@`%`",
    )
    assert lacking(*lines) == ["SELECT", "SHOW VIEW", "TRIGGER"]
    assert read(lines, "shop").tables == {("shop", "t"): frozenset({"TRIGGER"})}


@pytest.mark.parametrize(
    ("pattern", "database", "fits"),
    [
        ("shop", "shop", True),
        ("shop", "shop2", False),
        ("sh_p", "shop", True),
        ("sh\\_p", "shop", False),
        ("a\\_b", "a_b", True),
        ("sh%", "shop", True),
        ("a``b", "a`b", True),
        ("a.b", "a.b", True),
        ("a.b", "axb", False),
        ("a\nb%", "a\nb\nc", True),
    ],
)
def test_a_granted_database_is_a_pattern(pattern, database, fits):
    assert (lacking(f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO `u`@`%`", database=database) == []) == fits


def test_a_partial_revoke_takes_a_right_away():
    lines = (
        "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO `u`@`%`",
        "REVOKE SELECT ON `shop`.* FROM `u`@`%`",
    )
    assert lacking(*lines) == ["SELECT"]
    assert lacking(*lines, database="other") == []


def test_of_several_patterns_the_servers_take_the_plainest_alone():
    lines = (
        "GRANT SELECT ON `a_b`.* TO `u`@`%`",
        "GRANT EVENT ON `a\\_b`.* TO `u`@`%`",
        "GRANT TRIGGER ON `%`.* TO `u`@`%`",
    )
    rights = read(lines, "a_b")
    assert (rights.database, rights.pattern) == (frozenset({"EVENT"}), "`a\\_b`")
