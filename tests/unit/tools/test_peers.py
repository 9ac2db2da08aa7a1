"""The bench's peers: what each is told on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import peers

from support.servers import RunningServer

_REFUSES = (
    "pg_dump: error: invalid compression specification: this build does not support compression with ZSTD"
)
_ASKS = "pg_dump: error: connection to server on socket failed"


@pytest.mark.parametrize(
    ("version", "answer", "named"),
    [
        ("18.4", _REFUSES, "pg_dump -Fd -j2 -Z 1"),
        ("18.6", _ASKS, "pg_dump -Fd -j2 -Z zstd:3"),
        ("15.2", _ASKS, "pg_dump -Fd -j2 -Z 1"),
    ],
)
def test_pg_dump_writes_zstd_where_its_version_and_its_build_can(
    tmp_path: Path, version: str, answer: str, named: str
) -> None:
    for name in ("pg_dump", "pg_restore"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit\n'
            f'echo "{answer}" >&2\nexit 1\n'
        )
        program.chmod(0o755)
    server = RunningServer(
        "postgresql", "postgresql", version, "", 5432, "/nowhere", "postgres", "", bin=str(tmp_path)
    )
    peer = peers.found(server, tmp_path, 2, 3)
    assert not isinstance(peer, str)
    assert peer.name == named
