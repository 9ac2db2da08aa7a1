"""What every way to a server has in common: names, ports, sockets, and how long a certificate lasts."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import perf_counter
from typing import Protocol

from python_backup.errors import BackupError
from python_backup.instance import Instance, TlsMode
from python_backup.model import Check, Verdict

SECONDS = 10.0
"""For one attempt to reach a port."""

SLOW = 1.0
"""Seconds from which on an answer is worth a warning."""

SOON = timedelta(days=30)
"""A certificate that ends within this is worth a warning."""

TOLD_ADDRESSES = 3


class Answers(Protocol):
    """A server that can be asked anything."""

    def ping(self) -> None:
        """Runs ``SELECT 1``."""
        ...


def resolved(host: str, port: int) -> Check:
    """Whether the host's name has an address."""
    begun = perf_counter()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        return Check("name", Verdict.FAILURE, f"{host} has no address: {reason}", f"getent hosts {host}")
    addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
    shown = ", ".join(addresses[:TOLD_ADDRESSES]) + (" …" if len(addresses) > TOLD_ADDRESSES else "")
    if addresses == [host]:
        return Check("name", Verdict.OK, f"{host} is an address")
    return Check("name", Verdict.OK, f"{host} is {shown} ({milliseconds(perf_counter() - begun)})")


def at_socket(path: str) -> Check:
    """Whether there is a socket of this path."""
    try:
        there = Path(path).is_socket()
    except OSError as exc:
        return Check("name", Verdict.FAILURE, f"socket {path}: {exc.strerror}", f"namei -l {path}")
    if not there:
        return Check("name", Verdict.FAILURE, f"there is no socket {path}", "ss -xl")
    return Check("name", Verdict.OK, f"socket {path}")


def opened(host: str, port: int) -> tuple[Check, socket.socket | None]:
    """A connection to the port, which the caller closes."""
    begun = perf_counter()
    try:
        link = socket.create_connection((host, port), timeout=SECONDS)
    except OSError as exc:
        return refused(host, port, exc.strerror or str(exc)), None
    return Check("tcp", Verdict.OK, f"port {port} answers ({milliseconds(perf_counter() - begun)})"), link


def refused(host: str, port: int, reason: str) -> Check:
    """The port cannot be reached."""
    return Check(
        "tcp", Verdict.FAILURE, f"{host}:{port} cannot be reached: {reason}", f"nc -vz {host} {port}"
    )


def certificate_of(link: socket.socket) -> tuple[bytes | None, str]:
    """The server's certificate (DER), whoever signed it, and the TLS version; the link is used up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError), context.wrap_socket(link) as secured:
        return secured.getpeercert(binary_form=True), secured.version() or ""
    return None, ""


def encrypted(instance: Instance, certificate: bytes | None, version: str, now: datetime) -> Check:
    """How the connection is secured, and how long the server's certificate lasts."""
    how = f"{version}, mode {instance.tls.mode}"
    ends = _end(certificate) if certificate else None
    if ends is None:
        return Check("tls", Verdict.OK, how)
    left = ends - now
    told = f"{how}; the server's certificate ends {ends:%Y-%m-%d}"
    if left < timedelta():
        verified = instance.tls.mode in {TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL}
        verdict = Verdict.FAILURE if verified else Verdict.WARNING
        return Check(
            "tls", verdict, f"{how}; the server's certificate ended {ends:%Y-%m-%d}", _look(instance)
        )
    if left < SOON:
        return Check("tls", Verdict.WARNING, f"{told}, in {max(left.days, 0)} days", _look(instance))
    return Check("tls", Verdict.OK, told)


def plain(instance: Instance) -> Check:
    """The connection is not encrypted."""
    if instance.socket is not None:
        return Check("tls", Verdict.OK, "not needed: a local socket")
    if _is_here(instance.host):
        return Check("tls", Verdict.OK, f"not encrypted, within this machine (mode {instance.tls.mode})")
    return Check(
        "tls", Verdict.WARNING, f"not encrypted, mode {instance.tls.mode}: passwords and data can be read",
        "tls: {mode: require}",
    )  # fmt: skip


def answered(server: Answers) -> Check:
    """How long ``SELECT 1`` takes."""
    begun = perf_counter()
    try:
        server.ping()
    except BackupError as exc:
        return Check("answer", Verdict.FAILURE, exc.message, exc.hint)
    took = perf_counter() - begun
    verdict = Verdict.OK if took < SLOW else Verdict.WARNING
    return Check("answer", verdict, f"SELECT 1 took {milliseconds(took)}")


def each(asked: Mapping[str, Callable[[], Check]]) -> Iterator[Check]:
    """Every check by its name; one that cannot be made hides no other."""
    for name, ask in asked.items():
        try:
            yield ask()
        except BackupError as exc:
            yield Check(name, Verdict.WARNING, f"cannot be told: {exc.message}", exc.hint)


def milliseconds(seconds: float) -> str:
    """A short time: ``0.4 ms``, ``12 ms``."""
    count = seconds * 1000
    return f"{count:.1f} ms" if count < 10 else f"{count:.0f} ms"  # noqa: PLR2004 - two digits are enough


def _end(certificate: bytes) -> datetime | None:
    from cryptography import x509  # noqa: PLC0415 - a certificate's date, no cipher; slow to import

    try:
        with warnings.catch_warnings(action="ignore"):  # MariaDB's own certificates have the serial 0
            return x509.load_der_x509_certificate(certificate).not_valid_after_utc.astimezone(UTC)
    except ValueError:
        return None


def _look(instance: Instance) -> str:
    protocol = "postgres" if instance.dbms.value == "postgresql" else "mysql"
    where = f"{instance.host}:{instance.port}"
    return f"openssl s_client -starttls {protocol} -connect {where} </dev/null | openssl x509 -noout -dates"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
