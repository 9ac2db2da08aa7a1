"""Our own files, and what a refusal means; the servers' part is in tests/integration/engines/test_tls.py."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from python_backup.engines.tls import check_files, hint_for
from python_backup.errors import ConfigError
from python_backup.instance import Dbms, Instance, Tls, TlsMode
from support.certificates import Authority


def instance(mode: TlsMode = TlsMode.VERIFY_FULL, **files: Path) -> Instance:
    return Instance("1", "web", Dbms.MYSQL, tls=Tls(mode, **files))


def test_files_that_belong_together_are_taken(tmp_path: Path) -> None:
    authority = Authority.made(tmp_path, "ca")
    pair = authority.issue("client", "me", lasts=timedelta(days=-1))  # its end is for the server to judge
    check_files(instance(ca=authority.file, cert=pair.cert, key=pair.key))
    check_files(instance(TlsMode.PREFER))


def test_without_tls_no_file_is_looked_at(tmp_path: Path) -> None:
    check_files(instance(TlsMode.DISABLE, ca=tmp_path / "none"))


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    pair = Authority.made(tmp_path, "ca").issue("client", "me")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(ConfigError, match="is encrypted") as caught:
        check_files(instance(cert=pair.cert, key=pair.key))
    assert "openssl pkey" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain", "tls.ca"),
        ("certificate verify failed: unable to get local issuer certificate", "tls.ca"),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'localhost'", "verify-ca"),
        ("certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.1'", "verify-ca"),
        ('server certificate for "db" (and 1 other name) does not match host name "localhost"', "verify-ca"),
        ("certificate verify failed: certificate has expired", "Renew the server's"),
        ("SSL error: ssl/tls alert certificate expired", "finds tls.cert expired"),
        ("SSL error: sslv3 alert certificate expired", "finds tls.cert expired"),
        ("SSL error: tlsv1 alert unknown ca", "does not take tls.cert"),
        ("SSL error: tlsv13 alert certificate required", "asks for a client certificate"),
        ("connection requires a valid client certificate", "asks for a client certificate"),
        ('private key file "/k" has group or world access; file must have permissions u=rw (0600)', "chmod 600"),
        ("server does not support SSL, but SSL was required", "has no TLS"),
        ("Connections using insecure transport are prohibited while --require_secure_transport=ON.", "tls.mode"),
        ('no pg_hba.conf entry for host "::1", user "u", database "d", no encryption', "tls.mode"),
        ("SSL error: certificate verify failed", "tls.ca"),
    ],
)  # fmt: skip
def test_a_refusal_tells_what_to_do(reason: str, expected: str) -> None:
    hint = hint_for(reason)
    assert hint is not None
    assert re.search(re.escape(expected), hint), hint


@pytest.mark.parametrize(
    "reason", ["password authentication failed", "Connection refused", "Access denied for user"]
)
def test_other_refusals_are_not_of_tls(reason: str) -> None:
    assert hint_for(reason) is None
