"""All dialects in one table, and which of them a dump is written in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from python_backup.dump.dialect import Dialect, Header
from python_backup.dump.mysql.dialect import DIALECT as MYSQL
from python_backup.dump.mysql.header import read_header as read_mysql
from python_backup.dump.postgresql.dialect import DIALECT as POSTGRESQL
from python_backup.dump.postgresql.header import read_header as read_postgresql

DIALECTS: Mapping[str, Dialect] = MappingProxyType({d.family: d for d in (MYSQL, POSTGRESQL)})


def read_header(head: bytes) -> Header | None:
    """What a dump's first bytes (64 KiB will do) say of it; None where neither engine's mark is seen."""
    for read in (read_postgresql, read_mysql):
        if (header := read(head)) is not None:
            return header
    return None
