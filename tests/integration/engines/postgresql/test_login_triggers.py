"""What is to act when somebody connects does not act while a database is being filled and compared."""

from __future__ import annotations

import pytest

from support import databases
from support.servers import RunningServer

LOGIN = (
    "create table log (at timestamptz)",
    """create function note() returns event_trigger language plpgsql as
    $$ begin insert into public.log values (now()); end $$""",
    "create event trigger on_login on login execute function note()",
    "alter event trigger on_login enable always",
)


def test_an_event_trigger_on_login_is_not_fired_by_us(server, filled, postgresql_server: RunningServer):
    if postgresql_server.major < (17,):
        pytest.skip("event triggers on login came with PostgreSQL 17")
    database = filled(*LOGIN)
    for _ in range(2):
        assert dict(server.counts(database)) == {"public.log": 0}
    assert "event_triggers" in server.objects(database)
    assert databases.scalar(postgresql_server, database, "select count(*) > 0 from log")
