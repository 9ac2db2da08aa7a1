"""What an account may not read is said before a dump, and the GRANT that is named mends it."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest

from python_backup.engines.postgresql.engine import ENGINE
from python_backup.errors import NotPermitted, ToolFailed
from python_backup.instance import Secret
from support import databases
from support.pg_trips import dumped
from support.servers import instance_for


@pytest.fixture
def account(postgresql_server):
    """An account without rights; its name needs quotes."""
    name = f"Back up {uuid.uuid4().hex[:8]}"
    databases.execute(postgresql_server, None, f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'p w'")
    yield name
    databases.execute(postgresql_server, None, f'DROP OWNED BY "{name}"', f'DROP ROLE "{name}"')


@pytest.fixture
def limited(postgresql_server, account):
    """The engine's connection as that account."""
    instance = replace(instance_for(postgresql_server), username=account, password=Secret(lambda: "p w"))
    link = ENGINE.connect(instance)
    yield link
    link.close()


@pytest.fixture
def guarded(filled, postgresql_server, account):
    database = filled(
        'CREATE SCHEMA "closed one"',
        'CREATE TABLE "closed one".t (id serial)',
        "CREATE TABLE secret (a int)",
        "CREATE TABLE hidden (a int)",
        "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
        f'GRANT SELECT ON hidden TO "{account}"',
    )
    yield database
    databases.drop(postgresql_server, database)


def test_every_lack_is_named_and_its_remedy_mends_it(postgresql_server, limited, guarded):
    problems = [str(lack) for lack in limited.lacks(guarded)]
    assert [problem.split(":")[0] for problem in problems] == [
        'schema "closed one" cannot be used',
        'tables in schema "closed one" cannot be read (t)',
        "tables in schema public cannot be read (secret)",
        'sequences in schema "closed one" cannot be read (t_id_seq)',
        "row-level security hides rows of tables in schema public (hidden)",
    ]
    assert limited.surveyed(guarded) == (limited.lacks(guarded), limited.expected(guarded))
    remedies = [problem.rpartition(": ")[2] for problem in problems]
    databases.execute(postgresql_server, guarded, *remedies)
    assert limited.lacks(guarded) == ()
    assert b"COPY public.hidden" in dumped(limited, guarded).text


def test_row_level_security_fails_the_dump_with_a_hint(postgresql_server, limited, guarded, account):
    databases.execute(
        postgresql_server,
        guarded,
        f'GRANT SELECT ON secret TO "{account}"',
        'DROP SCHEMA "closed one" CASCADE',
    )
    with pytest.raises(ToolFailed, match="row-level security") as caught:
        dumped(limited, guarded)
    assert caught.value.hint == f'Let the account see every row: ALTER ROLE "{account}" BYPASSRLS.'


def test_a_database_without_connect_is_named(postgresql_server, limited, guarded, account):
    quoted = databases.quoted(postgresql_server, guarded)
    databases.execute(postgresql_server, None, f"REVOKE CONNECT ON DATABASE {quoted} FROM PUBLIC")
    assert tuple(map(str, limited.lacks(guarded))) == (
        f'no right to connect to the database: GRANT CONNECT ON DATABASE {quoted} TO "{account}"',
    )


def test_counting_what_may_not_be_read_is_not_permitted(limited, guarded):
    with pytest.raises(NotPermitted, match=re.escape("permission denied")):
        limited.counts(guarded)


def test_making_a_database_without_the_right_names_it(limited, account):
    with pytest.raises(NotPermitted) as caught:
        limited.create("never", None)
    assert caught.value.hint == f'Let the account make databases: ALTER ROLE "{account}" CREATEDB.'
