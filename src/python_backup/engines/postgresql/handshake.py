"""Why a server's certificate is refused: libpq 17 says only that it is."""

from __future__ import annotations

import socket
import ssl

from python_backup.engines.tls import context_of
from python_backup.instance import Tls

_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
"""The message SSLRequest; the server answers one byte, S or N (protocol 3.0, Message Formats)."""

SECONDS = 10


def refusal(host: str, port: int, tls: Tls) -> str | None:
    """OpenSSL's reason, from a handshake of its own; None where it finds none or gets to no answer."""
    try:
        with socket.create_connection((host, port), SECONDS) as link:
            link.sendall(_SSL_REQUEST)
            if link.recv(1) == b"S":
                context_of(tls).wrap_socket(link, server_hostname=host).close()
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message.rstrip(".")
    except OSError:  # what the driver said stands
        return None
    return None
