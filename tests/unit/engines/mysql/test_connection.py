"""An instance becomes the driver's keywords; names become identifiers."""

from __future__ import annotations

import socket
import ssl
import threading
from types import SimpleNamespace

import pytest

from python_backup.engines.mysql import connection
from python_backup.engines.mysql.connection import Session, arguments, open_session, quoted
from python_backup.engines.mysql.refused import address
from python_backup.errors import ConnectionFailed
from python_backup.instance import Dbms, Instance, Secret, Tls, TlsMode


def instance(**changes) -> Instance:
    return Instance(**{"id": "1", "name": "1", "dbms": Dbms.MYSQL, "host": "h", "username": "u"} | changes)


def test_a_name_is_quoted_with_its_backticks_doubled():
    assert quoted("a`b") == "`a``b`"


def test_the_port_is_the_engines_own_where_none_is_given():
    assert (arguments(instance())["port"], address(instance())) == (3306, "h:3306")


def test_a_socket_wins_over_host_and_port():
    given = arguments(instance(socket="/s", port=1))
    assert given["unix_socket"] == "/s"
    assert "host" not in given


def test_a_password_is_sent_as_utf8():
    assert arguments(instance(password=Secret(lambda: "é€")))["password"] == "é€".encode()


@pytest.mark.parametrize(
    ("tls", "socket", "expected"),
    [
        (TlsMode.DISABLE, None, {"ssl_disabled": True}),
        (TlsMode.PREFER, None, {}),
        (TlsMode.PREFER, "/s", {"ssl_disabled": True}),
    ],
)
def test_tls_without_conditions_is_left_to_the_driver(tls, socket, expected):
    given = arguments(instance(tls=Tls(tls), socket=socket))
    assert {k: v for k, v in given.items() if k.startswith("ssl")} == expected


@pytest.mark.parametrize(
    ("mode", "verify", "hostname"),
    [
        (TlsMode.REQUIRE, ssl.CERT_NONE, False),
        (TlsMode.VERIFY_CA, ssl.CERT_REQUIRED, False),
        (TlsMode.VERIFY_FULL, ssl.CERT_REQUIRED, True),
    ],
)
def test_tls_with_conditions_is_a_context(mode, verify, hostname):
    context = arguments(instance(tls=Tls(mode)))["ssl"]
    assert (context.verify_mode, context.check_hostname) == (verify, hostname)


def test_a_connection_that_verifies_nothing_reads_no_authorities(monkeypatch):
    read = []
    monkeypatch.setattr(connection, "LOGIN_SECONDS", 0.2)
    monkeypatch.setattr(ssl, "create_default_context", lambda *given, **named: read.append((given, named)))
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(ConnectionFailed, match="timed out"),
    ):
        open_session(instance(host="127.0.0.1", port=listening.getsockname()[1]))
    arguments(instance(tls=Tls(TlsMode.REQUIRE)))
    assert read == []


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(connection, "LOGIN_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        instance = Instance("1", "1", Dbms.MYSQL, port=listening.getsockname()[1], username="u")
        with pytest.raises(ConnectionFailed, match="timed out") as caught:
            open_session(instance)
    assert "whether it hangs" in (caught.value.hint or "")


GREETING = (
    b"\x0a9.7.4\0" + (1).to_bytes(4, "little") + b"12345678\0" + b"\xff\xff" + b"\xff" + b"\x02\0" + b"\xff\xff"
    + b"\x15" + bytes(10) + b"123456789012\0" + b"caching_sha2_password\0"
)  # fmt: skip
"""What MySQL says first (its manual: Protocol::HandshakeV10), with all capabilities, so that TLS is wanted."""


def test_a_server_that_greets_and_does_not_answer_the_handshake_of_tls_is_given_up(monkeypatch):
    """PyMySQL 1.2.4 does the handshake under its timeout for writing, and that was none."""
    monkeypatch.setattr(connection, "LOGIN_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = []

        def greet() -> None:
            held.append(listening.accept()[0])
            held[0].sendall(len(GREETING).to_bytes(3, "little") + b"\0" + GREETING)

        thread = threading.Thread(target=greet)
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(ConnectionFailed, match="timed out"):
            open_session(instance(host="127.0.0.1", port=port))
        thread.join()
        held[0].close()


def test_a_connection_that_the_driver_has_given_up_needs_no_breaking_off():
    """PyMySQL has no socket any more once it has read that the server is gone."""
    Session(instance(), "11.8.6", encrypted=False, _connection=SimpleNamespace(_sock=None)).break_off()
