"""What is said of names, ports, certificates and answers on the way to a server."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.engines import reach
from python_backup.errors import ConnectionFailed
from python_backup.instance import Dbms, Instance, Tls, TlsMode
from python_backup.model import Check, Verdict
from support.certificates import Authority

WEB = Instance("1", "web", Dbms.POSTGRESQL, host="db.example", port=5432)
NOW = datetime.now(UTC)


class Answering:
    """A server that is asked once."""

    def __init__(self, error: ConnectionFailed | None = None) -> None:
        self.error = error

    def ping(self) -> None:
        if self.error:
            raise self.error


def certificate(folder: Path, lasts: timedelta) -> bytes:
    pair = Authority.made(folder, "ca").issue("server", "db.example", lasts=lasts)
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())


def tls(folder: Path, days: float, mode: TlsMode) -> Check:
    der = certificate(folder, timedelta(days=days))
    return reach.encrypted(replace(WEB, tls=Tls(mode)), der, "TLSv1.3", NOW)


def test_an_address_needs_no_name_and_an_unknown_name_is_a_failure() -> None:
    assert reach.resolved("127.0.0.1", 1).found == "127.0.0.1 is an address"
    assert reach.resolved("localhost", 1).verdict is Verdict.OK
    unknown = reach.resolved("no.such.host.invalid", 1)
    assert (unknown.verdict, unknown.hint) == (Verdict.FAILURE, "getent hosts no.such.host.invalid")
    assert reach.resolved("a" * 70 + ".invalid", 1).verdict is Verdict.FAILURE


def test_a_socket_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert reach.at_socket(str(path)).verdict is Verdict.FAILURE
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        assert reach.at_socket(str(path)).verdict is Verdict.OK


def test_a_port_that_nobody_listens_to_is_a_failure_with_the_command_that_shows_it() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        check, link = reach.opened("127.0.0.1", port)
        assert (check.verdict, link is not None) == (Verdict.OK, True)
        if link is not None:
            link.close()
    check, link = reach.opened("127.0.0.1", port)
    assert (check.verdict, check.hint, link) == (Verdict.FAILURE, f"nc -vz 127.0.0.1 {port}", None)


@pytest.mark.parametrize(
    ("days", "mode", "verdict", "told"),
    [
        (300, TlsMode.REQUIRE, Verdict.OK, "certificate ends "),
        (9.5, TlsMode.REQUIRE, Verdict.WARNING, "in 9 days"),
        (-1, TlsMode.REQUIRE, Verdict.WARNING, "certificate ended "),
        (-1, TlsMode.VERIFY_CA, Verdict.FAILURE, "certificate ended "),
    ],
)
def test_a_certificates_last_day_is_told_and_judged(
    tmp_path: Path, days: float, mode: TlsMode, verdict: Verdict, told: str
) -> None:
    check = tls(tmp_path, days, mode)
    assert (check.verdict, told in check.found) == (verdict, True)
    assert ("openssl s_client -starttls postgres" in (check.hint or "")) is (verdict is not Verdict.OK)


def test_a_connection_without_tls_is_a_warning_over_a_network_alone() -> None:
    assert reach.plain(WEB).verdict is Verdict.WARNING
    assert reach.plain(replace(WEB, host="127.0.0.1")).verdict is Verdict.OK
    assert reach.plain(replace(WEB, socket="/run/s")).verdict is Verdict.OK


def test_an_answer_is_timed_and_a_slow_one_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reach.answered(Answering()).verdict is Verdict.OK
    lost = reach.answered(Answering(ConnectionFailed("lost", hint="See it.")))
    assert (lost.verdict, lost.found, lost.hint) == (Verdict.FAILURE, "lost", "See it.")
    times = iter((0.0, 1.5))
    monkeypatch.setattr(reach, "perf_counter", lambda: next(times))
    slow = reach.answered(Answering())
    assert (slow.verdict, slow.found) == (Verdict.WARNING, "SELECT 1 took 1500 ms")


def test_a_check_that_cannot_be_made_hides_no_other() -> None:
    def closed() -> Check:
        raise ConnectionFailed("not permitted")

    found = list(reach.each({"a": closed, "b": lambda: Check("b", Verdict.OK, "well")}))
    assert [(check.name, check.verdict) for check in found] == [("a", Verdict.WARNING), ("b", Verdict.OK)]
