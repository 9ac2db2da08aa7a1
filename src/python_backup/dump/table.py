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


_BEGINNINGS = (64, 256, 4096)
"""Where to look first: what comes later in a dump is data, which may speak of the other engine."""


def read_header(head: bytes) -> Header | None:
    """What a dump's first bytes (64 KiB will do) say of it; None where neither engine's mark is seen.

    An early sign counts before a late one, and of two as early that of a dump tool.
    """
    for part in (*(head[:size] for size in _BEGINNINGS), head):
        found = [(read, header) for read in _READERS if (header := read(part)) is not None]
        if found:
            read, header = max(found, key=lambda pair: pair[1].tool is not None)
            return read(head) or header
    return None


_READERS = (read_postgresql, read_mysql)
