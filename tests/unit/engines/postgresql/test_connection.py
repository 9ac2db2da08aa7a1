from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from python_backup.engines.postgresql.connection import (
    Address,
    address,
    conninfo,
    identifier,
    literal,
    major,
    parameters,
)
from python_backup.errors import Refused
from python_backup.instance import Dbms, Instance, Tls, TlsMode

NAMES = [
    "a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", "a;touch p", "$(touch p)", "a%b", "a\nb", "ünï日本",
    "NULL", "select", "a=b", "postgresql://x", "host=evil", "", " ", "\\", "'",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_survives_the_connection_string(name):
    told = parameters(Address("h", 1), Instance("1", "1", Dbms.POSTGRESQL, username=name or "u"), name)
    assert conninfo_to_dict(conninfo(told)) == told


@pytest.mark.parametrize(
    ("socket", "expected"),
    [
        (None, Address("db", 5432)),
        ("/run/postgresql", Address("/run/postgresql", 5432)),
        ("/run/postgresql/.s.PGSQL.5433", Address("/run/postgresql", 5433)),
    ],
)
def test_a_socket_is_a_folder_or_the_socket_file(socket, expected):
    assert address("db", 5432, socket) == expected


def test_addresses_are_shown_as_people_know_them():
    assert (str(Address("db", 1)), str(Address("/run", 2))) == ("db:1", "/run/.s.PGSQL.2")


def test_verify_full_without_a_ca_takes_the_machines():
    instance = Instance("1", "1", Dbms.POSTGRESQL, tls=Tls(TlsMode.VERIFY_FULL))
    assert parameters(Address("h", 1), instance, "d")["sslrootcert"] == "system"


def test_a_database_whose_name_is_no_utf8_is_refused_with_a_hint():
    with pytest.raises(Refused, match=r"'d\\udce4' is not UTF-8") as caught:
        parameters(Address("h", 1), Instance("1", "1", Dbms.POSTGRESQL), "d\udce4")
    assert "ALTER DATABASE" in (caught.value.hint or "")


def test_quoting():
    assert identifier(b'a"b') == b'"a""b"'
    assert literal(b"a'b") == b"'a''b'"
    assert literal(b"a\\'b") == b" E'a\\\\''b'"


@pytest.mark.parametrize(
    ("version", "number"), [("15.18", 15), ("18beta1", 18), ("17.4 (Debian 17.4-1)", 17)]
)
def test_the_major_number_of_a_version(version, number):
    assert major(version) == number
