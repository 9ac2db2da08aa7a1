"""Definitions change their database's name and their status by token, and nothing else."""

from __future__ import annotations

import pytest

from python_backup.engines.mysql.definitions import Definition, Renaming, slept, woken
from python_backup.engines.mysql.engine import ENGINE

EVENT = (
    b"CREATE DEFINER=`root`@`localhost` EVENT `enable` ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00'"
    b" ON COMPLETION NOT PRESERVE %b COMMENT 'ENABLE' DO SELECT 'ENABLE'"
)


@pytest.mark.parametrize("status", [b"ENABLE", b"DISABLE", b"DISABLE ON SLAVE", b"DISABLE ON REPLICA"])
def test_an_event_is_put_to_sleep_and_woken_by_its_status_alone(status):
    event = Definition("EVENT", "enable", EVENT % status)
    assert event.enabled == (status == b"ENABLE")
    assert slept(event).create == EVENT % b"DISABLE"
    assert woken(slept(event)).create == EVENT % b"ENABLE"


def spelled(name: str, charset: str) -> bytes:
    return name.encode({"latin1": "latin-1"}.get(charset, "utf-8"))


def test_a_definition_in_another_character_set_is_renamed_in_its_own_bytes():
    change = Renaming("é1", "ü 2", "9.7.4", frozenset(), spelled, [])
    view = Definition("VIEW", "v", "CREATE VIEW `v` AS select `é1`.`t`.`é` from `é1`.`t`".encode("latin-1"))
    found = change([view, Definition("VIEW", "w", "CREATE VIEW `w` AS select 1 from `é1`.`t`".encode())])
    assert found[1].create == "CREATE VIEW `w` AS select 1 from `ü 2`.`t`".encode()
    latin = Definition("VIEW", "v", view.create, charset="latin1")
    assert change.statement(latin) == "CREATE VIEW `v` AS select `ü 2`.`t`.`é` from `ü 2`.`t`".encode(
        "latin-1"
    )


def test_definers_of_others_are_kept():
    change = Renaming("a", "b", "10.11.19-MariaDB", frozenset(), spelled, [])
    sql = b"CREATE DEFINER=`some one`@`%` PROCEDURE `p`() SELECT 1 FROM a.t"
    assert change.statement(Definition("PROCEDURE", "p", sql, definer="some one@%")) == sql.replace(
        b"a.t", b"`b`.t"
    )
    assert change.warnings == []


def test_a_name_that_may_be_the_databases_or_not_is_told():
    change = Renaming("a", "b", "9.7.4", frozenset(), spelled, [])
    sql = b"CREATE FUNCTION `f`() RETURNS int RETURN (SELECT a.n + 1)"
    assert change.statement(Definition("FUNCTION", "f", sql)) == sql
    assert [w.split(" may ")[0] for w in change.warnings] == ["the function 'f': a.…"]


@pytest.mark.parametrize(("name", "fits"), [("a" * 64, True), ("ß" * 64, True), ("a" * 65, False)])
def test_a_database_name_has_64_characters_at_most(name, fits):
    assert ENGINE.fits(name) is fits
