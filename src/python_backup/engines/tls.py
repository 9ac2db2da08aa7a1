"""TLS as both engines see it: our own certificates, looked at beforehand, and what a refusal means."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from python_backup.errors import ConfigError
from python_backup.instance import Instance, Tls, TlsMode

VERIFYING = frozenset({TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL})
"""The modes that look at the server's certificate."""


def check_files(instance: Instance) -> None:
    """Looks whether the files of ``tls`` can be read and belong together: the tools' words name none.

    Raises:
        ConfigError: with the key and the file.
    """
    tls = instance.tls
    if tls.mode is TlsMode.DISABLE:
        return
    for key, path in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
        if path is not None:
            _readable(path, f"instance {instance.label}: tls.{key}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None:
        try:
            context.load_verify_locations(tls.ca)
        except ssl.SSLError as exc:
            raise ConfigError(
                f"instance {instance.label}: tls.ca: {str(tls.ca)!r} holds no certificate in PEM"
            ) from exc
    if tls.cert is not None:
        _load_pair(context, instance)


def _readable(path: Path, place: str) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as exc:
        raise ConfigError(
            f"{place}: {str(path)!r} cannot be read: {exc.strerror}",
            hint="Name a file in PEM that this account can read.",
        ) from exc


def _load_pair(context: ssl.SSLContext, instance: Instance) -> None:
    cert, key, place = instance.tls.cert, instance.tls.key, f"instance {instance.label}: tls.key: "
    if cert is None:
        raise AssertionError("asked for without a certificate")

    def encrypted() -> str:
        raise ConfigError(
            f"{place}{str(key)!r} is encrypted, and nobody is there to type its passphrase",
            hint="Take the passphrase away: `openssl pkey -in KEY -out NEW`, then `chmod 600 NEW`.",
        )

    try:
        context.load_cert_chain(cert, key, password=encrypted)
    except ssl.SSLError as exc:
        fits = f"is not the key of tls.cert {str(cert)!r}" if exc.reason == "KEY_VALUES_MISMATCH" else None
        why = fits or f"with tls.cert {str(cert)!r}: {exc.reason or exc}"
        raise ConfigError(
            f"{place}{str(key)!r} {why}", hint="Name a certificate and its own key, both in PEM."
        ) from exc


def context_of(tls: Tls) -> ssl.SSLContext:
    """What the connection is secured with, for a mode that is not ``disable``."""
    context = _verifying(tls) if tls.mode in VERIFYING else _trusting()
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def _verifying(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the servers' own certificates are not that strict
    context.check_hostname = tls.mode is TlsMode.VERIFY_FULL
    return context


def _trusting() -> ssl.SSLContext:
    """Encrypts, whoever answers: reading the system's authorities would take 20 ms of every connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hint_for(reason: str) -> str | None:
    """What to do about a refusal, in the words of Python's, libpq's or the tools' OpenSSL; None: not TLS."""
    return next((hint for pattern, hint in _HINTS if re.search(pattern, reason, re.IGNORECASE)), None)


_HINTS = (
    (
        r"alert certificate expired",
        "The server finds tls.cert expired: `openssl x509 -noout -enddate -in FILE` shows its end; renew it.",
    ),
    (
        r"alert (unknown ca|bad certificate|(unsupported )?certificate|decrypt error)(?! required)",
        "The server does not take tls.cert: it must be of the authority in the server's ssl_ca.",
    ),
    (
        r"EOF occurred in violation of protocol|sending authentication information",
        "The server ended the handshake, maybe over tls.cert: see its end, its authority, the server's log.",
    ),
    (
        r"alert certificate required|requires a valid client certificate",
        "The server asks for a client certificate: give tls.cert and tls.key.",
    ),
    (r"certificate has expired", "Renew the server's certificate, and have the server read it anew."),
    (r"certificate is not yet valid", "Compare the clocks of both machines: the certificate begins later."),
    (
        r"(host ?name|IP address) mismatch|does not match host name|hostname verification",
        "Give as host the name that the server's certificate has, or set tls.mode to verify-ca.",
    ),
    (
        r"unable to get (local )?issuer|self[- ]signed",
        "Name in tls.ca the file of the authority that issued the server's certificate.",
    ),
    (
        r"certificate verify failed",
        "See that tls.ca issued the server's certificate, that it is of this host and has not expired (tls).",
    ),
    (r"group or world access", "Close tls.key to others: `chmod 600 FILE`."),
    (
        r"does not support SSL|SSL is required|doesn't support SSL",
        "The server has no TLS: give it a certificate, or set tls.mode to prefer.",
    ),
    (
        r"insecure transport|no encryption|SSL off",
        "The server may want TLS: set tls.mode to require, or let it in without (pg_hba.conf).",
    ),
    (r"\bSSL error|SSL connection error|TLS/SSL error", "Check tls (mode, ca, cert, key) in the config."),
)
