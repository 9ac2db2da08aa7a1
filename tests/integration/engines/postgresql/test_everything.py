"""A database with every kind of object goes through dump and restore and comes out the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_backup.engines.postgresql.engine import ENGINE
from python_backup.jobs.reading import FactsMeter
from support import databases
from support.pg_trips import dumped, restored, script, without_names

EVERYTHING = Path(__file__).with_name("everything.sql")


@pytest.fixture
def full(postgresql_server, new_database) -> str:
    name = new_database(postgresql_server, "every thing")
    databases.execute(postgresql_server, name, script(EVERYTHING, postgresql_server.major[0]))
    return name


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_second_dump_of_the_restored_database_equals_the_first(
    postgresql_server, server, full, new_database, jobs
):
    target = new_database(postgresql_server, 'rest"ored', create=False)
    first = dumped(server, full)
    facts = restored(server, [first.text], target, jobs=jobs)
    second = dumped(server, target)
    assert without_names(second.text, target.replace('"', '""'), target) == without_names(first.text, full)
    assert _facts(second.text).statements == _facts(first.text).statements
    assert server.counts(target) == {table.name: table.rows for table in facts.tables}
    assert server.objects(target) == facts.objects
    assert server.sequences(target) == facts.sequences


def test_the_source_is_what_its_dump_says(server, full):
    dump = dumped(server, full)
    facts = _facts(dump.text)
    assert server.objects(full) == facts.objects
    assert server.sequences(full) == facts.sequences
    assert server.counts(full) == {table.name: table.rows for table in facts.tables}
    assert server.counts(full)["public.no_columns"] == 2
    assert server.counts(full)["public.parents"] == 2
    assert dump.warnings == ()


def test_a_superuser_has_no_problems(server, full):
    assert server.lacks(full) == ()


def _facts(text: bytes):
    meter = FactsMeter(ENGINE.dialect)
    list(meter.feed(text))
    list(meter.finish())
    return meter.counter.result()
