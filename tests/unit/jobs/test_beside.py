"""Giving up what was being filled beside a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from python_backup.instance import Dbms, Instance
from python_backup.jobs.beside import abandon, free_beside

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)


@dataclass
class FakeServer:
    """A server whose take-over came to no end: no real one can be made to stay so."""

    databases: set[str] = field(default_factory=set)
    left: str | None = None

    def exists(self, database: str) -> bool:
        return database in self.databases

    def unfinished(self, target: str) -> str | None:
        return self.left

    def drop(self, database: str) -> None:
        self.databases.remove(database)


def server(*databases: str, left: str | None = None) -> Any:
    return FakeServer(set(databases), left)


def test_a_name_that_another_restore_has_is_passed_over() -> None:
    instance = Instance(id="1", name="1", dbms=Dbms.POSTGRESQL)
    taken = server("shop__restoring_20260113_155440", "shop__restoring_20260113_155441")

    assert free_beside(taken, instance, "shop", "restoring", AT) == "shop__restoring_20260113_155442"


def test_what_was_being_filled_is_dropped() -> None:
    beside = server("shop", "fresh")

    assert abandon(beside, "fresh", "shop") is None
    assert beside.databases == {"shop"}


def test_the_journal_of_a_take_over_that_came_to_no_end_is_not_dropped() -> None:
    beside = server("shop", "fresh", left="was left amid a swap")

    assert abandon(beside, "fresh", "shop") == "was left amid a swap"
    assert beside.databases == {"shop", "fresh"}


def test_nothing_is_dropped_where_there_is_nothing() -> None:
    beside = server("shop")

    assert abandon(beside, "fresh", "shop") is None
    assert beside.databases == {"shop"}
