"""Two databases change names: all or nothing, whoever is connected, and whenever the program is killed."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from integration.engines.postgresql.swapping import accounts, acting_as, connected, reconnecting
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.engines.replacing import Swap
from python_backup.errors import DatabaseMissing, NotPermitted, Refused, TargetExists
from support import databases
from support.pg_trips import dumped, restored

NAMES = [
    "a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", "a;touch p", "$(touch p)", "a%b", "a\nb", "ünï日本",
    "NULL", "select", "a=b", "postgresql://x", "host=evil", "'", "A", "x" * 45,
]  # fmt: skip


EVERY_KIND = (
    "ALTER DATABASE {{t}} OWNER TO {owner}",
    "REVOKE ALL ON DATABASE {{t}} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {{t}} TO {giver} WITH GRANT OPTION",
    "SET ROLE {giver}",
    "GRANT CONNECT ON DATABASE {{t}} TO {other} WITH GRANT OPTION",
    "SET ROLE {other}",
    "GRANT CONNECT ON DATABASE {{t}} TO {reader}",
    "RESET ROLE",
    'ALTER DATABASE {{t}} SET search_path TO "a b", public, \'with""quote, and comma\', \'\'',
    "ALTER DATABASE {{t}} SET work_mem TO '65537kB'",
    "ALTER DATABASE {{t}} SET \"own.Setting\" TO 'it''s a \\\\ \"value\" = %'",
    "ALTER DATABASE {{t}} SET datestyle TO 'ISO, DMY'",
    "ALTER DATABASE {{t}} SET temp_tablespaces TO ''",
    "ALTER DATABASE {{t}} SET log_statement TO 'ddl'",
    'ALTER ROLE {reader} IN DATABASE {{t}} SET search_path TO "$user"',
    "ALTER ROLE {reader} IN DATABASE {{t}} SET statement_timeout TO '1min'",
    "ALTER ROLE ALL IN DATABASE {{t}} SET timezone TO 'Europe/Paris'",
    "ALTER DATABASE {{t}} CONNECTION LIMIT 7",
    "ALTER DATABASE {{t}} IS_TEMPLATE false",
    "COMMENT ON DATABASE {{t}} IS E'it''s a \\\\ comment\\n日本'",
)  # fmt: skip


def with_every_kind(trio, roles):
    words = dict(zip(("owner", "reader", "giver", "other"), roles, strict=True))
    trio.alter(*(statement.format(**words) for statement in EVERY_KIND))
    trio.alter(
        f"GRANT CREATE ON DATABASE {{f}} TO {roles[1]}",
        "ALTER DATABASE {f} SET work_mem TO '1MB'",
        f"ALTER ROLE {roles[3]} IN DATABASE {{f}} SET work_mem TO '2MB'",
        "COMMENT ON DATABASE {f} IS 'of the dump'",
        "ALTER DATABASE {f} CONNECTION LIMIT 3",
    )


def test_the_new_one_takes_the_name_and_every_property_of_the_old(server, trio, roles):
    some = trio()
    with_every_kind(some, roles)
    wanted = some.properties(some.target)
    assert server.take_over(some.swap()) == ()
    assert some.contents() == {some.target: "new", some.before: "old"}
    assert some.properties(some.target) == wanted == some.properties(some.before)


def test_the_new_one_keeps_what_the_dump_gave_it_when_asked_to(server, trio, roles):
    some = trio()
    with_every_kind(some, roles)
    wanted = some.properties(some.fresh)
    assert server.take_over(some.swap(keep_properties=False)) == ()
    assert some.properties(some.target) == wanted


def test_what_a_dump_says_of_its_database_comes_through_load_and_swap(server, trio, new_database, roles):
    some = trio()
    source = replace(some, target=new_database(some.server, "of the dump"))
    source.alter(
        "ALTER DATABASE {t} SET work_mem TO '9MB'",
        f'ALTER ROLE {roles[1]} IN DATABASE {{t}} SET search_path TO "a b", public',
        "ALTER DATABASE {t} CONNECTION LIMIT 7",
        "COMMENT ON DATABASE {t} IS 'of the dump'",
    )
    databases.drop(some.server, some.fresh)
    restored(server, [dumped(server, source.target).text], some.fresh)
    server.take_over(some.swap(keep_properties=False))
    assert some.properties(some.target) == some.properties(source.target)


def test_a_swap_back_gives_the_first_state(server, trio, roles):
    some = trio()
    with_every_kind(some, roles)
    first = (some.contents(), some.properties(some.target))
    server.take_over(some.swap())
    assert server.take_over(some.back(keep_properties=False)) == ()
    assert (some.contents(), some.properties(some.target)) == first


def test_the_accounts_of_one_test_take_no_database_of_another_with_them(trio, roles):
    some, other = trio(), trio()
    with_every_kind(some, roles)
    with accounts(some.server) as others:
        with_every_kind(other, others)
    assert some.contents() == {some.target: "old", some.fresh: "new"}
    assert other.contents() == {}


def test_grants_and_settings_that_only_the_dump_has_go(server, trio, roles):
    some = trio()
    some.alter(
        f"GRANT CREATE ON DATABASE {{f}} TO {roles[1]}",
        "ALTER DATABASE {f} SET work_mem TO '1MB'",
        f"ALTER ROLE {roles[3]} IN DATABASE {{f}} SET work_mem TO '2MB'",
        "COMMENT ON DATABASE {f} IS 'of the dump'",
        f"ALTER DATABASE {{f}} OWNER TO {roles[0]}",
    )
    server.take_over(some.swap())
    owner, *_, grants, settings = some.properties(some.target)
    assert (owner, grants, settings) == ("postgres", ["=Tc/postgres", "postgres=CTc/postgres"], None)


def test_a_template_that_nobody_may_enter_stays_one(server, trio):
    some = trio()
    some.alter("ALTER DATABASE {t} IS_TEMPLATE true", "ALTER DATABASE {t} ALLOW_CONNECTIONS false")
    server.take_over(some.swap())
    assert some.properties(some.target)[2:4] == (True, False)
    for name in (some.target, some.before):
        databases.execute(
            some.server, None, f"ALTER DATABASE {databases.quoted(some.server, name)} IS_TEMPLATE false ALLOW_CONNECTIONS true"
        )  # fmt: skip


def test_where_there_is_no_target_only_the_name_changes(server, trio):
    some = trio()
    databases.drop(some.server, some.target)
    assert server.take_over(Swap(some.fresh, some.target, None)) == ()
    assert some.contents() == {some.target: "new"}


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_all_three_roles(server, trio, name):
    some = trio(name)
    some.alter("COMMENT ON DATABASE {t} IS 'own'")
    assert server.sessions(some.target) == ()
    server.take_over(some.swap())
    assert some.contents() == {some.target: "new", some.before: "old"}
    server.take_over(some.back())
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_names_that_the_server_would_cut_do_not_fit(server, trio):
    assert [ENGINE.fits(name) for name in ("x" * 63, "x" * 64, "ü" * 31, "ü" * 32)] == [
        True,
        False,
        True,
        False,
    ]
    some = trio()
    with pytest.raises(Refused, match="has 64 bytes, PostgreSQL takes 63"):
        server.take_over(Swap(some.fresh, some.target, "ü" * 32))
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_nothing_is_ever_unfinished(server, trio):
    some = trio()
    assert server.unfinished(some.target) is None
    assert "nothing is unfinished" in server.settle(some.target)


def test_sessions_are_listed_and_refused(server, trio):
    some = trio()
    with connected(some.server, some.target) as link:
        link.execute("SET application_name TO 'shop front'")
        [line] = server.sessions(some.target)
        assert line.startswith("'postgres', 'shop front', from the server's machine, since 2")
        with pytest.raises(Refused) as caught:
            server.take_over(some.swap())
        assert caught.value.message == f"others are connected to database {some.target!r}:\n  {line}"
        assert link.execute("SELECT a FROM held").fetchone() == ("old",)
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_a_session_that_leaves_by_itself_is_waited_for(server, trio):
    some = trio()
    link = databases.connection(some.server, some.target)
    leaving = threading.Timer(0.3, link.close)
    leaving.start()
    server.take_over(some.swap())
    leaving.join()
    assert some.contents()[some.target] == "new"


def test_a_session_on_the_new_one_is_refused_and_nothing_is_changed(server, trio):
    some = trio()
    with connected(some.server, some.fresh), pytest.raises(Refused, match="others are connected to database"):
        server.take_over(some.swap())
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_prepared_transactions_are_named_before_a_session_is_ended(server, trio):
    some = trio()
    with connected(some.server, some.target) as link:
        link.execute("BEGIN")
        link.execute("CREATE TABLE half (a int)")
        link.execute("PREPARE TRANSACTION 'it''s half'")
        assert any('prepared transaction "it\'s half"' in line for line in server.sessions(some.target))
        with pytest.raises(Refused, match="it's half") as caught:
            server.take_over(some.swap(disconnect=True))
        assert "ROLLBACK PREPARED 'it''s half'" in caught.value.hint
        link.execute("ROLLBACK PREPARED 'it''s half'")
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_a_replication_slot_stays_with_the_old_contents_and_is_told(server, trio):
    some = trio()
    slot = f"s{uuid.uuid4().hex[:8]}"
    databases.rows(
        some.server, some.target, f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
    )
    try:
        assert server.take_over(some.swap()) == (
            f"replication slot {slot!r} stays with the replaced contents, now {some.before!r}",
        )
    finally:
        databases.rows(some.server, None, f"SELECT pg_drop_replication_slot('{slot}')")
    assert some.contents() == {some.target: "new", some.before: "old"}


def test_one_whose_drop_was_interrupted_is_replaced_and_told(server, trio):
    some = trio()
    mark = f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{some.target}'"
    databases.execute(some.server, None, mark)
    assert server.take_over(some.swap()) == (
        f"what {some.target!r} held was half dropped: {some.before!r} can only be dropped",
    )
    assert databases.scalar(some.server, some.target, "SELECT a FROM held") == "new"
    assert some.properties(some.target)[1] == -1


@pytest.mark.parametrize("which", ["before exists", "no fresh", "no target", "target unasked for"])
def test_a_swap_that_cannot_be_leaves_all_as_it_was_and_ends_no_session(server, trio, which):
    some = trio()
    missing = some.target + "_x"
    swap, error = {
        "before exists": (Swap(some.fresh, some.target, some.fresh, disconnect=True), TargetExists),
        "no fresh": (Swap(missing, some.target, some.before, disconnect=True), DatabaseMissing),
        "no target": (Swap(some.fresh, missing, some.before, disconnect=True), DatabaseMissing),
        "target unasked for": (Swap(some.fresh, some.target, None, disconnect=True), TargetExists),
    }[which]
    with connected(some.server, some.target) as link:
        with pytest.raises(error):
            server.take_over(swap)
        assert link.execute("SELECT a FROM held").fetchone() == ("old",)
    assert some.contents() == {some.target: "old", some.fresh: "new"}


def test_a_property_that_may_not_be_given_undoes_all_and_is_named(server, trio, roles):
    some = trio()
    some.alter(
        f"ALTER ROLE {roles[0]} CREATEDB",
        f"ALTER DATABASE {{t}} OWNER TO {roles[0]}",
        f"ALTER DATABASE {{f}} OWNER TO {roles[0]}",
        "ALTER DATABASE {t} SET log_statement TO 'all'",
    )
    with acting_as(some.server, roles[0]) as owner:
        with pytest.raises(NotPermitted, match="setting 'log_statement' of database") as caught:
            owner.take_over(some.swap())
        assert "--database-properties dump" in caught.value.hint
        assert some.contents() == {some.target: "old", some.fresh: "new"}
        assert owner.take_over(some.swap(keep_properties=False)) == ()


def test_an_owner_carries_grants_settings_and_comment(server, trio, roles):
    some = trio()
    some.alter(
        f"ALTER ROLE {roles[0]} CREATEDB",
        f"ALTER DATABASE {{t}} OWNER TO {roles[0]}",
        f"ALTER DATABASE {{f}} OWNER TO {roles[0]}",
        "REVOKE CONNECT ON DATABASE {t} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {{t}} TO {roles[1]}",
        "ALTER DATABASE {t} SET work_mem TO '8MB'",
        "COMMENT ON DATABASE {t} IS 'own'",
    )
    wanted = some.properties(some.target)
    with acting_as(some.server, roles[0]) as owner:
        assert owner.take_over(some.swap()) == ()
    assert some.properties(some.target) == wanted


def test_what_mends_a_missing_right_is_named_before_a_session_is_ended(server, trio, roles):
    some = trio()
    some.alter(f"ALTER DATABASE {{t}} OWNER TO {roles[0]}", f"ALTER DATABASE {{f}} OWNER TO {roles[1]}")
    with acting_as(some.server, roles[1]) as account, connected(some.server, some.target) as link:
        with pytest.raises(NotPermitted, match="may not rename") as caught:
            account.take_over(some.swap(disconnect=True))
        remedies = caught.value.hint.removeprefix("Let it: ").removesuffix(".").split("; ")
        assert remedies == [f"ALTER ROLE {roles[1]} CREATEDB", f"GRANT {roles[0]} TO {roles[1]}"]
        assert link.execute("SELECT 1").fetchone() == (1,)
        databases.execute(some.server, None, *remedies)
        with pytest.raises(NotPermitted, match="cannot be ended") as caught:
            account.take_over(some.swap(disconnect=True))
        assert f"GRANT pg_signal_backend TO {roles[1]};" in caught.value.hint
        assert link.execute("SELECT 1").fetchone() == (1,)
    with acting_as(some.server, roles[1]) as account:
        assert account.take_over(some.swap(disconnect=True)) == ()
    assert some.properties(some.target)[0] == roles[0][1:-1].replace('""', '"')


def test_clients_that_come_back_at_once_do_not_stop_it(server, trio):
    some = trio()
    with reconnecting(some.server, some.target) as seen:
        begun = time.monotonic()
        for _ in range(3):
            server.take_over(some.swap(disconnect=True))
            server.take_over(some.back(disconnect=True))
        taken = time.monotonic() - begun
        server.take_over(some.swap(disconnect=True))
        swapped = len(seen)
        while len(seen) < swapped + 20:
            time.sleep(0.01)
        assert seen[-1] == "new"
    assert taken < 30


def test_a_session_amid_a_long_statement_is_ended(server, trio):
    some = trio()
    with connected(some.server, some.target) as link:
        sleeper = threading.Thread(target=lambda: suppress_lost(link))
        sleeper.start()
        while not databases.rows(
            some.server, None, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60%'"
        ):
            time.sleep(0.02)
        server.take_over(some.swap(disconnect=True))
        sleeper.join()
    assert some.contents()[some.target] == "new"


def suppress_lost(link):
    with suppress(psycopg.OperationalError):
        link.execute("SELECT pg_sleep(60)")
