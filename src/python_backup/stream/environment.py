"""What client programs are given of an environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

_KEPT_NAMES = frozenset(
    {
        *("PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH"),
        *("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "CONTAINER_HOST", "KUBECONFIG"),
        *("XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "KRB5CCNAME", "KRB5_CONFIG", "OPENSSL_CONF"),
    }
)
"""What a client program may need; not HOME, whose option files change what a dump holds."""


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that client programs get: no PG*, no MYSQL_*, no HOME; UTF-8."""
    kept = {name: value for name, value in environ.items() if name in _KEPT_NAMES}
    return {"PATH": os.defpath, **kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
